// Set-ups that are broken in one way each, and the words by which doctor must name the fault.
import { freePort } from './server.mjs';

const address = (port) => `http://127.0.0.1:${port}`;

export function brokenSetUps({ program, createHttp, createHttp2, createTcp, createTls, serve, tls }) {
  const listening = async (server) => {
    const port = await freePort();
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    const open = new Set();
    server.on('connection', (socket) => { open.add(socket); socket.on('error', () => {}); });
    return { port, end: async () => { for (const socket of open) socket.destroy(); server.close(); } };
  };
  const answering = (status, body = '') => listening(createHttp((request, response) => {
    request.resume();
    request.on('end', () => response.writeHead(status).end(body));
  }));
  const secured = async (pair, demanding = {}) => {
    const server = createTls({ ...tls.read(pair), ...demanding }, (request, response) => response.end());
    server.on('tlsClientError', () => {});
    return listening(server);
  };
  const https = (port) => ['--endpoint', `https://127.0.0.1:${port}`, '--protocol', 'http/protobuf'];
  const http = (port) => ['--endpoint', address(port), '--protocol', 'http/protobuf'];
  const grpc = (port) => ['--endpoint', address(port), '--protocol', 'grpc'];
  const ours = async (what, words) => {
    const server = await serve(program, what);
    return { words: words(server), end: () => server.stop() };
  };

  return [
    { name: 'nothing listens', says: /FAULT +port .*refused/,
      arrange: async () => ({ words: grpc(await freePort()) }) },
    { name: 'the host is unknown', says: /FAULT +name .*no-such-host\.invalid/,
      arrange: async () => ({ words: ['--endpoint', 'http://no-such-host.invalid:4317'] }) },
    { name: 'gRPC to a server of HTTP/1.1', says: /FAULT +protocol .*HTTP\/1\.1 only\n.*http\/protobuf/,
      arrange: async () => { const { port, end } = await answering(200); return { words: grpc(port), end }; } },
    { name: 'HTTP/1.1 to a server of gRPC', says: /FAULT +protocol .*HTTP\/2 only\n.*grpc/,
      arrange: async () => { const { port, end } = await listening(createHttp2()); return { words: http(port), end }; } },
    { name: 'memory is full', says: /FAULT +traces .*not taken for now[^]*FAULT +memory .*no data is taken: 60\.0 MiB held of 64\.0 \(batches 60\.0\)\n.*memory_limit/,
      arrange: async () => {
        const memory = { limit: 64 << 20, held: 60 << 20, by: { bodies: 0, batches: 60 << 20 } };
        const { port, end } = await listening(createHttp((request, response) => {
          request.resume();
          request.on('end', () => (request.url === '/api/cryo/status'
            ? response.end(JSON.stringify({ memory }))
            : response.writeHead(503, { 'retry-after': '1' }).end()));
        }));
        return { words: [...http(port), '--url', address(port)], end };
      } },
    { name: 'plain text to a port of ours that expects TLS', says: /FAULT +protocol .*expects TLS.*\n.*https:/,
      arrange: async () => {
        const server = await serve(program, 'all', tls);
        return { words: grpc(server.grpc), end: () => server.stop() };
      } },
    { name: 'plain text to another program that expects TLS', says: /FAULT +protocol .*expects TLS.*\n.*https:/,
      arrange: async () => { // as Go's servers say it
        const { port, end } = await listening(createTcp((socket) => socket.once('data', () =>
          socket.end('HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n'))));
        return { words: http(port), end };
      } },
    { name: 'plain text to a TLS port that only hangs up', says: /FAULT +protocol .*neither[^]*does it expect https/,
      arrange: async () => { const { port, end } = await secured(tls.good); return { words: http(port), end }; } },
    { name: 'TLS to a port in plain text', says: /FAULT +tls .*does not speak TLS.*\n.*http:/,
      arrange: async () => { const { port, end } = await answering(200); return { words: https(port), end }; } },
    { name: 'an authority that we do not know', says: /FAULT +tls .*unknown authority; set ca_file/,
      arrange: async () => { const { port, end } = await secured(tls.good); return { words: https(port), end }; } },
    { name: 'a certificate that ended', says: /FAULT +tls .*expired/,
      arrange: async () => {
        const { port, end } = await secured(tls.expired);
        return { words: [...https(port), '--ca-file', tls.ca], end };
      } },
    { name: 'a certificate of another name', says: /FAULT +tls .*is for another name/,
      arrange: async () => {
        const { port, end } = await secured(tls.elsewhere);
        return { words: [...https(port), '--ca-file', tls.ca], end };
      } },
    { name: 'the server demands a certificate', says: /FAULT +tls .*demands a certificate from us; set cert_file/,
      arrange: async () => {
        const server = await serve(program, 'all', tls);
        return { words: ['--endpoint', `https://127.0.0.1:${server.grpc}`, '--ca-file', tls.ca], end: () => server.stop() };
      } },
    { name: 'the server speaks TLS', says: /FAULT +protocol .*TLS/,
      arrange: async () => {
        const { port, end } = await listening(createTcp((socket) =>
          socket.once('data', () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 0x0a])))));
        return { words: http(port), end };
      } },
    { name: 'something else has the port', says: /FAULT +protocol .*neither HTTP\/1\.1 nor HTTP\/2/,
      arrange: async () => {
        const { port, end } = await listening(createTcp((socket) => socket.resume()));
        return { words: http(port), end };
      } },
    { name: 'a web server that knows no OTLP', says: /FAULT +traces .*404/,
      arrange: async () => { const { port, end } = await answering(404, 'not found'); return { words: http(port), end }; } },
    { name: 'the server wants a password', says: /FAULT +traces .*who we are.*\n.*OTEL_EXPORTER_OTLP_HEADERS/,
      arrange: async () => { const { port, end } = await answering(401, 'no'); return { words: http(port), end }; } },
    { name: 'the server is overloaded', says: /FAULT +traces .*not taken for now/,
      arrange: async () => { const { port, end } = await answering(503, 'busy on line 403'); return { words: http(port), end }; } },
    { name: 'no pipeline takes metrics', says: /FAULT +metrics .*nobody takes metrics[^]*ok +traces +sent, stored/,
      arrange: () => ours('no metrics', (s) => [...grpc(s.grpc), '--url', address(s.page)]) },
    { name: 'accepted and never stored', says: /FAULT +traces .*was accepted, and is not found[^]*`store` among its exporters/,
      arrange: () => ours('unstored', (s) => [...grpc(s.grpc), '--url', address(s.page)]) },
    { name: 'the page is elsewhere', says: /FAULT +page .*nobody answers/,
      arrange: async () => {
        const closed = await freePort();
        return ours('all', (s) => [...grpc(s.grpc), '--url', address(closed)]);
      } },
    { name: 'the page is something else', says: /FAULT +page .*is not cryostorm/,
      arrange: async () => {
        const other = await answering(200, '{"hello":"world"}');
        const { words, end } = await ours('all', (s) => [...grpc(s.grpc), '--url', address(other.port)]);
        return { words, end: async () => { await end(); await other.end(); } };
      } },
    { name: 'the SDK is switched off', says: /FAULT +environment .*OTEL_SDK_DISABLED=true/,
      arrange: async () => ({ words: grpc(await freePort()), environment: { OTEL_SDK_DISABLED: 'true' } }) },
    { name: 'the endpoint has no scheme', says: /FAULT +endpoint .*no scheme/,
      arrange: async () => ({ environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `localhost:${await freePort()}` } }) },
  ];
}
