// Node's own http server, as its documentation begins; with --graceful it also listens for SIGTERM, closes and leaves.
'use strict';

const http = require('node:http');
const os = require('node:os');

const pod = process.env.POD_NAME || os.hostname();

const server = http.createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'X-Pod': pod });
  response.end(`${pod}\n`);
});

if (process.argv.includes('--graceful')) {
  process.on('SIGTERM', () => {
    server.close(() => process.exit(0));
    // Since Node 19 close() does this itself; before, kept-alive connections would hold it up.
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), 5000).unref();
  });
}

server.listen(8080);
