// Composes a mail with an alternative, a picture and an attachment, and sends it
// by nodemailer to the port given.
const nodemailer = require('nodemailer');

nodemailer.createTransport({ host: '127.0.0.1', port: process.argv[2], ignoreTLS: true }).sendMail({
  from: 'Jörg <joerg@example.com>', to: ['bob@example.com', 'eve@example.com'], subject: 'Grüße',
  text: 'Schöne Grüße!\n', html: '<p>Schöne Grüße! <img src="cid:logo"></p>\n',
  attachments: [{ filename: 'Grüße.txt', content: 'hällo' }, { filename: 'logo.png', cid: 'logo', content: Buffer.from('89504e47', 'hex') }],
}).catch((err) => { console.error(String(err)); process.exit(1); });
