// Certificates for tests, made by openssl when they are needed: an authority, good ones and bad ones.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function certificates() {
  const folder = mkdtempSync(join(tmpdir(), 'certificates.'));
  const file = (name) => join(folder, name);
  const openssl = (...words) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  writeFileSync(file('ca.cnf'), `[ca]\ndefault_ca=d\n[d]\ndatabase=${file('index')}\nnew_certs_dir=${folder}\n` +
    'rand_serial=yes\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n');
  writeFileSync(file('index'), '');
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=an authority', '-days', '2');
  const make = (name, names, begin, end) => {
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`,
      '-addext', `subjectAltName=${names}`);
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-cert', 'ca.crt', '-keyfile', 'ca.key',
      '-in', `${name}.csr`, '-out', `${name}.crt`, '-startdate', begin, '-enddate', end);
    return { cert: file(`${name}.crt`), key: file(`${name}.key`) };
  };
  const [from, to] = ['20200101000000Z', '20491231000000Z'];
  return {
    ca: file('ca.crt'),
    good: make('good', 'DNS:localhost,IP:127.0.0.1', from, to),
    client: make('client', 'DNS:client', from, to),
    expired: make('expired', 'DNS:localhost,IP:127.0.0.1', from, '20200201000000Z'),
    elsewhere: make('elsewhere', 'DNS:elsewhere.example', from, to),
    read: (pair) => ({ cert: readFileSync(pair.cert), key: readFileSync(pair.key) }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
