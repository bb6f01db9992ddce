"""Delivers the mails of a job (JSON on standard input) by smtplib."""
import json
import smtplib
import ssl
import sys

job = json.load(sys.stdin)
context = None
if job["TLS"]:
    context = ssl.create_default_context(cafile=job["CA"])
if job["TLS"] == "implicit":
    c = smtplib.SMTP_SSL(job["Host"], job["Port"], "client.test", context=context)
else:
    c = smtplib.SMTP(job["Host"], job["Port"], "client.test")
if job["TLS"] == "starttls":
    c.starttls(context=context)
if job["User"]:
    c.login(job["User"], job["Password"])
for m in job["Mails"]:
    refused = c.sendmail(m["From"], m["To"], m["Data"].encode(), ["BODY=8BITMIME"])
    if refused:
        sys.exit(repr(refused))
c.quit()
