module github.com/go-smtptest/smtp/bench

go 1.26.0

replace github.com/go-smtptest/smtp => ..

require (
	github.com/bradfitz/go-smtpd v0.0.0-20170404230938-deb6d6237625
	github.com/chrj/smtpd v0.3.1
	github.com/emersion/go-smtp v0.25.1
	github.com/go-smtptest/smtp v0.0.0-00010101000000-000000000000
	github.com/mhale/smtpd v0.8.3
	github.com/mocktools/go-smtp-mock/v2 v2.5.4
)

require github.com/emersion/go-sasl v0.0.0-20241020182733-b788ff22d5a6 // indirect
