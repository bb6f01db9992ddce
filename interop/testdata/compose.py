"""Composes a mail with an alternative, a picture and an attachment, and sends it
by smtplib to the port given."""
import smtplib
import sys
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid

m = EmailMessage()
m["From"] = "Jörg <joerg@example.com>"
m["To"] = "bob@example.com, eve@example.com"
m["Date"] = format_datetime(localtime())
m["Message-ID"] = make_msgid()
m["Subject"] = "Grüße"
m.set_content("Schöne Grüße!\n")
m.add_alternative('<p>Schöne Grüße! <img src="cid:logo"></p>\n', subtype="html")
m.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<logo>")
m.add_attachment("hällo", filename="Grüße.txt")
with smtplib.SMTP("127.0.0.1", int(sys.argv[1])) as s:
    s.send_message(m)
