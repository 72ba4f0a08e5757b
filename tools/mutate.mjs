// mutate.mjs - makes the mutants, builds and tests them one by one; see tools/mutate.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [copy, ...words] = process.argv.slice(2);
const options = { count: 40, seed: 1, files: [] };
for (let i = 0; i < words.length; i++) {
  if (words[i] === '--count') options.count = Number(words[++i]);
  else if (words[i] === '--seed') options.seed = Number(words[++i]);
  else options.files.push(words[i]);
}

const table = (name, separator) => readFileSync(name, 'utf8').split('\n').filter((line) => line.trim() && !line.startsWith('#'))
  .map((line) => line.split(separator).map((part) => part.trim()));
const tests = new Map(table('tools/mutate.files', /\s+/).map(([file, ...names]) => [file, names]));
const known = new Map(table('tools/mutate.known', /\s+\|\s+/).map(([file, line, change, why]) => [`${file}|${line}|${change}`, why]));

// ---- what can go wrong on a line ------------------------------------------------------------------

const swaps = [
  [/ == /g, ' != '], [/ != /g, ' == '], [/ <= /g, ' < '], [/ >= /g, ' > '], [/ < /g, ' <= '], [/ > /g, ' >= '],
  [/ && /g, ' || '], [/ \|\| /g, ' && '], [/ \+ 1\b/g, ' + 2'], [/ - 1\b/g, ' - 2'], [/ \+= /g, ' -= '],
  [/\breturn true;/g, 'return false;'], [/\breturn false;/g, 'return true;'], [/if \(!/g, 'if (!!'],
];
const statement = /^\s+[a-z_][\w.>[\]*+-]*(\(.*\)| [-+|&]?= .*|\+\+|--);$/;

// Comments, text and asserts stay as they are; a statement that is one line may be dropped.
function mutantsOf(file) {
  const lines = readFileSync(join(copy, file), 'utf8').split('\n');
  const mutants = [];
  let comment = false;
  lines.forEach((line, at) => {
    const starts = line.includes('/*'), ends = line.includes('*/');
    const code = !comment && !starts && !line.startsWith('#') && !/\bassert\(|static_assert|"/.test(line);
    comment = (comment || starts) && !ends;
    if (!code || !line.startsWith(' ')) return;
    for (const [pattern, other] of swaps)
      for (const match of line.matchAll(pattern))
        mutants.push({ file, at, line, changed: line.slice(0, match.index) + other + line.slice(match.index + match[0].length),
          change: `${match[0].trim()} -> ${other.trim()}` });
    if (statement.test(line) && !/^\s+return\b/.test(line))
      mutants.push({ file, at, line, changed: line.replace(/\S.*/, ';'), change: 'dropped' });
  });
  return mutants;
}

// ---- one mutant --------------------------------------------------------------------------------------

const run = (command, args, ms) => spawnSync(command, args, { encoding: 'utf8', timeout: ms, killSignal: 'SIGKILL' });
const build = join(copy, 'build/debug');
const compile = (names) => run('cmake', ['--build', build, '-j2', '--target', ...names, '--', '--quiet'], 600000).status === 0;

function noticed(names) {
  for (const name of names) {
    const got = run(join(build, 'bin', name), [], 60000); // one that hangs has been noticed, too
    if (got.status !== 0) return name;
  }
  return null;
}

function judge(mutant) {
  const names = tests.get(mutant.file), path = join(copy, mutant.file);
  const text = readFileSync(path, 'utf8'), lines = text.split('\n');
  lines[mutant.at] = mutant.changed;
  writeFileSync(path, lines.join('\n'));
  const built = compile(names), by = built ? noticed(names) : null;
  writeFileSync(path, text);
  return { ...mutant, built, by };
}

// ---- a sample --------------------------------------------------------------------------------------

// The same seed draws the same mutants of the same text.
function draw(all, count) {
  let state = BigInt(options.seed) * 2654435761n + 1n;
  const next = () => { state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n); return Number(state >> 33n); };
  const pool = [...all], drawn = [];
  while (pool.length && drawn.length < count) drawn.push(pool.splice(next() % pool.length, 1)[0]);
  return drawn;
}

const files = options.files.length ? options.files : [...tests.keys()];
for (const file of files)
  if (!tests.has(file)) { console.error(`mutate: tools/mutate.files has no row for ${file}`); process.exit(2); }
if (!compile([...new Set(files.flatMap((file) => tests.get(file)))])) { console.error('mutate: the copy does not build'); process.exit(2); }
for (const file of files) {
  const by = noticed(tests.get(file));
  if (by) { console.error(`mutate: ${by} fails without any change`); process.exit(2); }
}
const share = options.files.length ? Infinity : Math.ceil(options.count / files.length);
const mutants = draw(files.flatMap((file) => draw(mutantsOf(file), share)), options.files.length ? Infinity : options.count);

const counts = { noticed: 0, survived: 0, known: 0, unbuilt: 0 };
for (const mutant of mutants) {
  const got = judge(mutant), where = `${got.file}:${got.at + 1}`;
  const why = known.get(`${got.file}|${got.line.trim()}|${got.change}`);
  if (!got.built) counts.unbuilt++;
  else if (got.by) counts.noticed++;
  else if (why) { counts.known++; console.log(`  known     ${where}  ${got.change}: ${why}`); }
  else { counts.survived++; console.log(`  SURVIVED  ${where}  ${got.change}\n            ${got.line.trim()}`); }
}
console.log(`mutate: ${mutants.length} mutants: ${counts.noticed} noticed, ${counts.known} known to mean nothing, ` +
  `${counts.unbuilt} refused by the compiler, ${counts.survived} survived`);
process.exit(counts.survived ? 1 : 0);
