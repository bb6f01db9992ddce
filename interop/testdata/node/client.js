// Delivers the mails of a job (JSON on standard input) by nodemailer.
const fs = require('fs');
const nodemailer = require('nodemailer');

const job = JSON.parse(fs.readFileSync(0));
const options = {
  host: job.Host, port: job.Port, name: 'client.test', pool: true, maxConnections: 1,
  secure: job.TLS === 'implicit', requireTLS: job.TLS === 'starttls', ignoreTLS: job.TLS === '',
};
if (job.TLS) options.tls = { ca: fs.readFileSync(job.CA), servername: 'localhost' };
if (job.User) options.auth = { user: job.User, pass: job.Password };
if (job.Mechanism) options.authMethod = job.Mechanism;
if (job.Mechanism === 'XOAUTH2') options.auth = { type: 'OAuth2', user: job.User, accessToken: job.Password };
const transport = nodemailer.createTransport(options);

(async () => {
  if (!job.Mails) await transport.verify();
  for (const m of job.Mails || []) {
    await transport.sendMail({ envelope: { from: m.From, to: m.To }, raw: Buffer.from(m.Data) });
  }
  transport.close();
})().catch((err) => { console.error(String(err)); process.exit(1); });
