package lint_test

import (
	"time"

	"github.com/go-smtptest/smtp/smtptest"
)

var sessionRows = []row{
	{id: "talk-before-greeting", why: "it waits for the greeting", script: []smtptest.Rule{{On: "CONNECT", Delay: time.Second}},
		bad: said(hi, "~2s"), good: said("~2s", hi)},
	{id: "mail-without-hello", why: "HELO is a hello", bad: said(from), good: said("HELO client.test", mail("Hi!")), has: []string{"helo-not-ehlo"}},
	{id: "bad-sequence", why: "pipelined, so the refusal of MAIL was not known", script: []smtptest.Rule{{On: "MAIL", Reply: "451 4.3.0 later"}},
		bad: said(hi, from, "NOOP", to), good: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n")},
	{id: "mail-nested", why: "RSET ends the transaction", bad: said(hi, from, from), good: said(hi, from, "RSET", from)},
	{id: "data-without-recipient", why: "pipelined, so the refusal was not known", script: []smtptest.Rule{{On: "RCPT", Reply: "550 5.1.1 nobody"}},
		bad: said(hi, from, to, "NOOP", "DATA"), good: said(hi, "+"+from+"\r\n"+to+"\r\nDATA\r\n")},
	{id: "command-not-offered", why: "offered", setup: without("CHUNKING", "BINARYMIME"), clean: func(*smtptest.Server) {},
		bad: said(hi, from, to, "BDAT 0 LAST"), good: said(hi, from, to, "+"+chunk(text("Hi!")+"\r\n", " LAST"))},
	{id: "command-unknown", why: "a verb that is not implemented is not unknown", bad: said(hi, "*"), good: said(hi, "TURN")},
	{id: "argument-unexpected", why: "NOOP may have one", bad: said(hi, "RSET now"), good: said(hi, "NOOP now")},
	{id: "pipelining-not-offered", why: "offered", setup: without("PIPELINING"), clean: func(*smtptest.Server) {},
		bad: said(hi, "+"+from+"\r\n"+to+"\r\n"), good: said(hi, "+"+from+"\r\n"+to+"\r\n")},
	{id: "pipelining-past-sync", why: "NOOP is the last of its group", bad: said(hi, "+NOOP\r\n"+from+"\r\n"), good: said(hi, "+"+from+"\r\nNOOP\r\n")},
	{id: "bdat-before-rcpt-replies", why: "chunks may be pipelined", bad: said(hi, from, "+"+to+"\r\n"+chunk(text("Hi!")+"\r\n", " LAST")),
		good: said(hi, from, to, "+"+chunk(text("Hi!")+"\r\n", "")+chunk("Ho!\r\n", " LAST"))},
	{id: "data-before-354", why: "it waits for the 354", bad: said(hi, from, to, "+DATA\r\n"+text("Hi!")+"\r\n.\r\n"), good: said(hi, mail("Hi!"))},
	{id: "data-after-refusal", why: "it goes on with a command", script: []smtptest.Rule{{On: "DATA", Reply: "451 4.3.0 not now"}},
		bad: said(hi, from, to, "DATA", "Subject: Hi", "."), good: said(hi, from, to, "DATA", "RSET")},
	{id: "repeat-after-5xx", why: "a 4yz may be tried again", script: []smtptest.Rule{{On: "MAIL FROM:<ann@client.test>", Reply: "550 5.1.0 no"}, {On: "MAIL", Reply: "450 4.1.0 no", Optional: true}},
		bad: said(hi, from, "NOOP", from), good: said(hi, from, "NOOP", "MAIL FROM:<eve@client.test>", "NOOP", "MAIL FROM:<eve@client.test>")},
	{id: "command-after-421", why: "QUIT is all right", script: []smtptest.Rule{{On: "NOOP", Raw: "421 4.3.2 going down\r\n"}},
		bad: said(hi, "NOOP", hi), good: said(hi, "NOOP")},
	{id: "command-after-quit", why: "nothing follows", bad: said(hi, "+QUIT\r\n\r\n"), good: said(hi, "+NOOP\r\nQUIT\r\n"), has: []string{"pipelining-past-sync"}},
	{id: "quit-missing", why: "the server had no reply", script: []smtptest.Rule{{On: "MAIL", Reply: smtptest.NoReply, Optional: true}},
		bad: said(hi, "<close"), good: said(hi, from, "<close")},
	{id: "quit-reply-not-read", why: "it waits for the reply", script: []smtptest.Rule{{On: "QUIT", Delay: time.Second}},
		bad: said(hi, "QUIT", "<close"), good: said(hi, "QUIT", "~2s", "<close")},
	{id: "connection-abandoned-in-data", why: "the content was complete", bad: said(hi, from, to, "DATA", text("Hi!"), "<close"),
		good: said(hi, mail("Hi!"), "<close"), has: []string{"quit-missing"}},
	{id: "timeout-too-short", why: "5 minutes are due", script: []smtptest.Rule{{On: "MAIL", Delay: 10 * time.Minute}},
		bad: said(hi, from, "~4m", "<close"), good: said(hi, from, "~6m", "<close")},
}

var helloRows = []row{
	{id: "helo-not-ehlo", why: "EHLO was refused", script: []smtptest.Rule{{On: "EHLO", Reply: "502 5.5.1 no", Optional: true}},
		bad: said("HELO client.test"), good: said(hi, "HELO client.test")},
	{id: "ehlo-fallback-missing", why: "HELO follows", script: []smtptest.Rule{{On: "EHLO", Reply: "502 5.5.1 no"}},
		bad: said(hi), good: said(hi, "HELO client.test")},
	{id: "hello-name-invalid", why: "an address literal", bad: said("EHLO my_host.test"), good: said("EHLO [127.0.0.1]")},
	{id: "hello-name-not-fqdn", why: "fully-qualified", bad: said("EHLO localhost"), good: said(hi)},
	{id: "hello-name-bare-ip", why: "with brackets", bad: said("EHLO 192.0.2.1"), good: said("EHLO [IPv6:2001:db8::1]")},
	{id: "hello-name-non-ascii", why: "an A-label", bad: said("EHLO b\u00fccher.test"), good: said("EHLO xn--bcher-kva.test")},
	{id: "hello-extra-text", why: "a space is no text", bad: said("EHLO client.test hello"), good: said("EHLO client.test ")},
	{id: "ehlo-missing-after-starttls", why: "EHLO follows", setup: withTLS, bad: said(hi, "STARTTLS", "<tls", "NOOP"), good: said(hi, "STARTTLS", "<tls", hi)},
}

var commandRows = []row{
	{id: "command-bare-lf", why: "CRLF", bad: said(hi, "+NOOP\nNOOP\r\n"), good: said(hi, "+NOOP\r\n")},
	{id: "command-bare-cr", why: "CRLF", bad: said(hi, "+NOOP a\rb\r\n"), good: said(hi, "+NOOP a\r\n")},
	{id: "command-control-char", why: "printable", bad: said(hi, "NOOP \a"), good: said(hi, "NOOP ~")},
	{id: "command-non-ascii", why: "SMTPUTF8 allows it", bad: said(hi, "VRFY j\u00f6rg"), good: said(hi, "VRFY j\u00f6rg@b\u00fccher.test SMTPUTF8")},
	{id: "command-too-long", why: "512 octets with its CRLF", bad: said(hi, "NOOP "+xs(506)), good: said(hi, "NOOP "+xs(505))},
	{id: "command-trailing-space", why: "none", bad: said(hi, "NOOP "), good: said(hi, "NOOP x")},
}

var pathRows = []row{
	{id: "path-space", why: "none at the colon", bad: said(hi, "MAIL FROM: <ann@client.test>"), good: said(hi, "MAIL FROM:<ann@client.test> SIZE=10")},
	{id: "path-no-brackets", why: "the null sender has brackets", bad: said(hi, "MAIL FROM:ann@client.test"), good: said(hi, "MAIL FROM:<>")},
	{id: "path-invalid", why: "a quoted dot may be anywhere", bad: said(hi, "MAIL FROM:<ann.@client.test>"), good: said(hi, `MAIL FROM:<"ann."@client.test>`)},
	{id: "path-too-long", why: "64 octets", bad: said(hi, "MAIL FROM:<"+xs(65)+"@client.test>"), good: said(hi, "MAIL FROM:<"+xs(64)+"@client.test>")},
	{id: "path-source-route", why: "an @ in quotes is no route", bad: said(hi, "MAIL FROM:<@relay.test:ann@client.test>"), good: said(hi, `MAIL FROM:<"@relay:ann"@client.test>`)},
	{id: "address-unqualified", why: "Postmaster needs no domain", bad: said(hi, from, "RCPT TO:<bob>"), good: said(hi, from, "RCPT TO:<postmaster>")},
	{id: "address-bare-ip", why: "with brackets", bad: said(hi, "MAIL FROM:<ann@192.0.2.1>"), good: said(hi, "MAIL FROM:<ann@[192.0.2.1]>")},
	{id: "address-bare-ip", why: "a name of numbers", bad: said(hi, from, "RCPT TO:<bob@2001:db8::1>"), good: said(hi, from, "RCPT TO:<bob@1.2.3.4.test>")},
	{id: "address-overquoted", why: "the space needs the quotes", bad: said(hi, `MAIL FROM:<"ann"@client.test>`), good: said(hi, `MAIL FROM:<"ann lee"@client.test>`)},
	{id: "address-non-ascii", why: "with SMTPUTF8", bad: said(hi, "MAIL FROM:<j\u00f6rg@client.test>"), good: said(hi, "MAIL FROM:<j\u00f6rg@client.test> SMTPUTF8", "RCPT TO:<j\u00f6rg@client.test>")},
	{id: "address-bad-utf8", why: "UTF-8", bad: said(hi, "MAIL FROM:<j\xf6rg@client.test> SMTPUTF8"), good: said(hi, "MAIL FROM:<j\u00f6rg@client.test> SMTPUTF8")},
	{id: "recipient-duplicate", why: "a refused recipient may be tried again", script: []smtptest.Rule{{On: "RCPT TO:<eve@test.example>", Times: 1, Reply: "450 4.2.1 later", Optional: true}},
		bad: said(hi, from, to, "RCPT TO:<bob@TEST.example>"), good: said(hi, from, "RCPT TO:<eve@test.example>", "RCPT TO:<eve@test.example>", "RCPT TO:<Eve@test.example>")},
	{id: "recipients-over-100", why: "100", bad: said(hi, from, recipients(101)), good: said(hi, from, recipients(100))},
}

var paramRows = []row{
	{id: "param-not-offered", why: "offered", setup: without("SIZE"), clean: func(*smtptest.Server) {}, bad: said(hi, from+" SIZE=10"), good: said(hi, from+" SIZE=10")},
	{id: "param-syntax", why: "a number", bad: said(hi, from+" SIZE=ten"), good: said(hi, from+" SIZE=10")},
	{id: "param-space", why: "one space", bad: said(hi, from+"  SIZE=10"), good: said(hi, from+" SIZE=10")},
	{id: "param-space", why: "a space at the end is for another rule", bad: said(hi, from+" SIZE=10  BODY=7BIT"), good: said(hi, from+" SIZE=10  ")},
	{id: "param-space", why: "RCPT too", bad: said(hi, from, to+"  NOTIFY=NEVER"), good: said(hi, from, to+" NOTIFY=NEVER")},
	{id: "param-duplicate", why: "once", bad: said(hi, from+" BODY=7BIT body=7bit"), good: said(hi, from+" BODY=7BIT SIZE=7")},
	{id: "size-underdeclared", why: "the last CRLF may be the transport's own", bad: said(hi, from+" SIZE="+size(-3), to, "DATA", text("Hi!"), "."), good: said(hi, from+" SIZE="+size(-2), to, "DATA", text("Hi!"), ".")},
	{id: "size-overdeclared", why: "more than half", bad: said(hi, from+" SIZE=1000", to, "DATA", text("Hi!"), "."), good: said(hi, from+" SIZE=200", to, "DATA", text("Hi!"), ".")},
	{id: "size-not-declared", why: "declared", bad: said(hi, mail(lines(70<<10)...)), good: said(hi, from+" SIZE=80000", to, "DATA", text(lines(70<<10)...), ".")},
	{id: "size-over-limit", why: "at the limit", setup: func(srv *smtptest.Server) { srv.SizeLimit = 1000 }, bad: said(hi, from+" SIZE=1001"), good: said(hi, from+" SIZE=1000")},
	{id: "dsn-invalid", why: "a list", bad: said(hi, from, to+" NOTIFY=NEVER,DELAY"), good: said(hi, from, to+" NOTIFY=FAILURE,DELAY")},
	{id: "dsn-orcpt-mismatch", why: "the same in xtext", setup: withUsers, bad: said(hi, plain, from, to+" ORCPT=rfc822;eve@test.example"), with: []string{"auth-cleartext"},
		good: said(hi, plain, from, to+" ORCPT=rfc822;b+6Fb@TEST.example"), has: []string{"auth-cleartext"}},
	{id: "smtputf8-unneeded", why: "a recipient in UTF-8", bad: said(hi, from+" SMTPUTF8", to, "DATA", text("Hi!"), "."), good: said(hi, from+" SMTPUTF8", "RCPT TO:<j\u00f6rg@test.example>", "DATA", text("Hi!"), ".")},
	{id: "body-param-wrong", why: "7-bit", bad: said(hi, from+" BODY=7BIT", to, "DATA", text("Gr\u00fc\u00dfe"), "."), with: []string{"data-8bit"}, good: said(hi, from+" BODY=7BIT", to, "DATA", text("Hi!"), ".")},
	{id: "requiretls-cleartext", why: "under TLS", setup: withTLS, bad: said(hi, from+" REQUIRETLS"), with: []string{"starttls-ignored"}, good: said(hi, "STARTTLS", "<tls", hi, from+" REQUIRETLS")},
	{id: "futurerelease-invalid", why: "one of them", bad: said(hi, from+" HOLDFOR=10 HOLDUNTIL=2000-01-01T00:00:00Z"), good: said(hi, from+" HOLDFOR=10")},
	{id: "deliverby-invalid", why: "in the future", bad: said(hi, from+" BY=-10;R"), good: said(hi, from+" BY=10;R")},
	{id: "priority-invalid", why: "-9 to 9", bad: said(hi, from+" MT-PRIORITY=10"), good: said(hi, from+" MT-PRIORITY=-9")},
}
