// mutate.mjs - makes the mutants, builds and tests them one by one; see tools/mutate.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [copy, ...words] = process.argv.slice(2);
const options = { count: null, seed: 1, behaviours: false, files: [] };
for (let i = 0; i < words.length; i++) {
  if (words[i] === '--count') options.count = Number(words[++i]);
  else if (words[i] === '--seed') options.seed = Number(words[++i]);
  else if (words[i] === '--behaviours') options.behaviours = true;
  else options.files.push(words[i]);
}

const give_up = (why) => { console.error(`mutate: ${why}`); process.exit(2); };
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
  const mutants = [], names = tests.get(file);
  let comment = false;
  lines.forEach((line, at) => {
    const starts = line.includes('/*'), ends = line.includes('*/');
    const code = !comment && !starts && !line.startsWith('#') && !/\bassert\(|static_assert|"/.test(line);
    comment = (comment || starts) && !ends;
    if (!code || !line.startsWith(' ')) return;
    const add = (changed, change) => mutants.push({ file, names, at, taken: 1, before: lines[at - 1], line, changed: [changed], change });
    for (const [pattern, other] of swaps)
      for (const match of line.matchAll(pattern))
        add(line.slice(0, match.index) + other + line.slice(match.index + match[0].length), `${match[0].trim()} -> ${other.trim()}`);
    if (statement.test(line) && !/^\s+return\b/.test(line)) add(line.replace(/\S.*/, ';'), 'dropped');
  });
  return mutants;
}

// ---- behaviours: mutants chosen by hand --------------------------------------------------------------

// The places in a file where these lines stand, one behind the other.
function placesOf(lines, wanted) {
  const texts = lines.map((line) => line.trim());
  return texts.flatMap((_, at) => (wanted.every((text, i) => texts[at + i] === text) ? [at] : []));
}

// A block of tools/mutate.behaviours: what must hold, the file and its tests, '-' lines, '+' lines.
function behaviourOf(block, number) {
  const [what, where, ...changes] = block;
  const here = `tools/mutate.behaviours:${number}`;
  const [file, ...names] = (where ?? '').trim().split(/\s+/);
  const kept = (sign) => changes.filter((line) => line.startsWith(sign)).map((line) => line.slice(1).trim());
  const [old, fresh] = [kept('-'), kept('+')];
  if (!names.length || !old.length || old.length + fresh.length !== changes.length)
    give_up(`${here}: expected what must hold, "FILE TEST...", lines with '-' and lines with '+'`);
  const lines = readFileSync(join(copy, file), 'utf8').split('\n'), places = placesOf(lines, old);
  if (places.length === 0) give_up(`${here}: ${file} has no line "${old.join(' ')}" any more; write the row anew`);
  if (places.length > 1) give_up(`${here}: ${file} has "${old.join(' ')}" ${places.length} times; add the line before it`);
  return { file, names, at: places[0], taken: old.length, line: old.join(' '), changed: fresh, change: 'broken', what };
}

function behaviours() {
  const found = [];
  let block = [], begins = 0;
  readFileSync('tools/mutate.behaviours', 'utf8').split('\n').concat('').forEach((line, i) => {
    if (line.startsWith('#')) return;
    if (line.trim()) { if (!block.push(line) || block.length === 1) begins = i + 1; return; }
    if (block.length) found.push(behaviourOf(block, begins));
    block = [];
  });
  return found;
}

// ---- one mutant --------------------------------------------------------------------------------------

const HANGS_MS = 60000, HANGS_TIMES = 10; // what takes ten times as long as it did, and a minute, hangs
const run = (command, args, ms) => spawnSync(command, args, { encoding: 'utf8', timeout: ms, killSignal: 'SIGKILL' });
const build = join(copy, 'build/debug');
const compile = (names) => run('cmake', ['--build', build, '-j2', '--target', ...names, '--', '--quiet'], 600000).status === 0;
const patience = new Map();

function fails(name) {
  const started = Date.now();
  const failed = run(join(build, 'bin', name), [], patience.get(name) ?? 600000).status !== 0;
  if (!patience.has(name)) patience.set(name, Math.max(HANGS_MS, HANGS_TIMES * (Date.now() - started)));
  return failed;
}

// The tests one after the other, until one notices.
function judge(mutant) {
  const path = join(copy, mutant.file), text = readFileSync(path, 'utf8'), lines = text.split('\n');
  lines.splice(mutant.at, mutant.taken, ...mutant.changed);
  writeFileSync(path, lines.join('\n'));
  const result = { built: true, by: null };
  for (const name of mutant.names) {
    result.built = compile([name]);
    if (result.built && fails(name)) result.by = name;
    if (!result.built || result.by) break;
  }
  writeFileSync(path, text);
  return result;
}

// Without any change all must pass, or nothing is shown.
function check_unchanged(mutants) {
  const names = [...new Set(mutants.flatMap((mutant) => mutant.names))];
  if (!compile(names)) give_up('the copy does not build');
  for (const name of names) if (fails(name)) give_up(`${name} fails without any change`);
}

// ---- behaviours, judged ------------------------------------------------------------------------------

function judge_behaviours() {
  const all = behaviours().filter((each) => !options.files.length || options.files.includes(each.file));
  let kept = 0;
  check_unchanged(all);
  for (const each of all) {
    const got = judge(each);
    const verdict = !got.built ? 'NOT BUILT' : got.by ? 'noticed' : 'SURVIVED';
    kept += got.by ? 1 : 0;
    console.log(`  ${verdict.padEnd(9)} ${each.what}  (${each.file}${got.by ? `, ${got.by}` : `: no test of ${each.names.join(' ')}`})`);
  }
  console.log(`mutate: ${all.length} behaviours broken on purpose: ${kept} noticed, ${all.length - kept} not`);
  return kept === all.length;
}

// ---- a sample ----------------------------------------------------------------------------------------

// The same seed draws the same mutants of the same text.
function draw(all, count) {
  let state = BigInt(options.seed) * 2654435761n + 1n;
  const next = () => { state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n); return Number(state >> 33n); };
  const pool = [...all], drawn = [];
  while (pool.length && drawn.length < count) drawn.push(pool.splice(next() % pool.length, 1)[0]);
  return drawn;
}

function sample() {
  const files = options.files.length ? options.files : [...tests.keys()];
  for (const file of files) if (!tests.has(file)) give_up(`tools/mutate.files has no row for ${file}`);
  const count = options.count ?? (options.files.length ? Infinity : 40);
  const share = Math.ceil(count / files.length);
  return draw(files.flatMap((file) => draw(mutantsOf(file), share)), count);
}

function judge_sample() {
  const mutants = sample();
  const counts = { noticed: 0, survived: 0, known: 0, unbuilt: 0 };
  check_unchanged(mutants);
  for (const mutant of mutants) {
    const got = judge(mutant), where = `${mutant.file}:${mutant.at + 1}`, line = mutant.line.trim();
    const why = [line, `${mutant.before.trim()} ${line}`].map((text) => known.get(`${mutant.file}|${text}|${mutant.change}`)).find(Boolean);
    if (!got.built) counts.unbuilt++;
    else if (got.by) counts.noticed++;
    else if (why) { counts.known++; console.log(`  known     ${where}  ${mutant.change}: ${why}`); }
    else { counts.survived++; console.log(`  SURVIVED  ${where}  ${mutant.change}\n            ${mutant.line.trim()}`); }
  }
  console.log(`mutate: ${mutants.length} mutants: ${counts.noticed} noticed, ${counts.known} known to mean nothing, ` +
    `${counts.unbuilt} refused by the compiler, ${counts.survived} survived`);
  return counts.survived === 0;
}

const proved = options.behaviours || !options.files.length ? judge_behaviours() : true;
const passed = options.behaviours ? true : judge_sample();
process.exit(proved && passed ? 0 : 1);
