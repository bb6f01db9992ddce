"""Delivers the mails of a job (JSON on standard input) by smtplib."""
import json
import smtplib
import ssl
import sys

job = json.load(sys.stdin)
context = None
if job["TLS"]:
    context = ssl.create_default_context(cafile=job["CA"])
if job["LMTP"]:
    c = smtplib.LMTP(job["Host"], job["Port"], "client.test")
elif job["TLS"] == "implicit":
    c = smtplib.SMTP_SSL(job["Host"], job["Port"], "client.test", context=context)
else:
    c = smtplib.SMTP(job["Host"], job["Port"], "client.test")
if job["TLS"] == "starttls":
    c.starttls(context=context)
if job["Mechanism"]:
    c.ehlo_or_helo_if_needed()
    c.user, c.password = job["User"], job["Password"]
    answer = getattr(c, "auth_" + job["Mechanism"].lower().replace("-", "_"))
    c.auth(job["Mechanism"], answer)
elif job["User"]:
    c.login(job["User"], job["Password"])
for m in job["Mails"] or []:
    refused = c.sendmail(m["From"], m["To"], m["Data"].encode(), ["BODY=8BITMIME"])
    if refused:
        sys.exit(repr(refused))
c.quit()
