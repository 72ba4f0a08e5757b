# tidy.awk - the rules of tools/tidy that look inside C files; run by it with tidy.rules as the first file
# and the names of all sources in the variable `sources`.
#
# A line is looked at twice: as it stands (length, white space), and as code, with comments and the
# contents of literals blanked out (calls, function bodies).

function complain(what) { print FILENAME ":" FNR ": " what }

function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }

# ---- the table of rules ------------------------------------------------------------------------

function learn_names(kind, names, where, advice,   i, n, name) {
  n = split(names, name, " ")
  for (i = 1; i <= n; i++) {
    if (name[i] ~ /\*$/) {
      prefix[++prefixes] = substr(name[i], 1, length(name[i]) - 1)
      prefix_kind[prefixes] = kind; prefix_row[prefixes] = ++rows
    } else
      row_of[kind, name[i]] = ++rows
    welcome[rows] = where; say[rows] = advice
  }
}

function learn(line,   n, cell) {
  if (line ~ /^#/ || line ~ /^[ \t]*$/) return
  gsub(/\\\|/, "\001", line)
  n = split(line, cell, "|")
  for (i = 1; i <= n; i++) { cell[i] = trim(cell[i]); gsub("\001", "|", cell[i]) }
  learn_names(cell[1], cell[2], cell[3], cell[4])
}

function find_row(kind, name,   i) {
  if ((kind, name) in row_of) return row_of[kind, name]
  for (i = 1; i <= prefixes; i++)
    if (prefix_kind[i] == kind && index(name, prefix[i]) == 1) return prefix_row[i]
  return 0
}

function is_welcome(row) { return welcome[row] != "-" && FILENAME ~ welcome[row] }

# ---- lines -------------------------------------------------------------------------------------

# The line without comments and with empty literals; in_comment lives on between lines.
function code_of(line,   out, what, rest) {
  out = ""
  for (;;) {
    if (in_comment) {
      if (!match(line, /\*\//)) return out
      line = substr(line, RSTART + 2); in_comment = 0
    }
    if (!match(line, /["']|\/\*|\/\//)) return out line
    what = substr(line, RSTART, RLENGTH)
    out = out substr(line, 1, RSTART - 1)
    rest = substr(line, RSTART + RLENGTH)
    if (what == "//") return out
    if (what == "/*") { in_comment = 1; line = rest; continue }
    if (what == "\"") { if (!match(rest, /^([^"\\]|\\.)*"/)) return out "\"" }
    else if (!match(rest, /^([^'\\]|\\.)*'/)) return out "'"
    out = out what what
    line = substr(rest, RLENGTH + 1)
  }
}

function columns(line) { # characters, not bytes: continuation bytes of UTF-8 do not count
  gsub(/[\200-\277]/, "", line)
  return length(line)
}

function check_text() {
  if (columns($0) > 100) complain("longer than 100 columns")
  if ($0 ~ /[ \t\r]$/) complain("white space at the end of the line")
  if (match($0, /(^|[^A-Za-z_])(TODO|FIXME|XXX)([^A-Za-z_]|$)/) && substr($0, RSTART + RLENGTH - 1) !~ /^: +[^ ]+ [^ ]+ [^ ]+ [^ ]+/)
    complain("say why and until when, or do it now: a bare TODO stays for ever")
}

# ---- code --------------------------------------------------------------------------------------

function check_calls(code,   name, row, before) {
  while (match(code, /[A-Za-z_][A-Za-z0-9_]*[ ]?\(/)) {
    name = substr(code, RSTART, RLENGTH - 1); sub(/ $/, "", name)
    before = substr(code, 1, RSTART - 1)
    code = substr(code, RSTART + RLENGTH)
    row = find_row("call", name)
    if (!row || is_welcome(row) || before ~ /(\.|->)$/) continue
    complain(name ": " say[row])
  }
}

function check_header(name,   row) {
  if (find_row("system", name)) return
  row = find_row("header", name)
  if (!row) complain("<" name ">: a library enters through one file of ours; add its row to tools/tidy.rules")
  else if (!is_welcome(row)) complain("<" name "> has its one place elsewhere: " say[row])
}

function check_include(   part, own) {
  if ($0 ~ /</) { split($0, part, /[<>]/); check_header(part[2]) }
  else split($0, part, "\"")
  if (includes++ || FILENAME !~ /^src\/.*\.c$/) return
  own = FILENAME; sub(/^src\//, "", own); sub(/\.c$/, "", own)
  if (("src/" own ".h") in exists) own = own ".h"
  else if (("src/" own "_internal.h") in exists) own = own "_internal.h"
  else return
  if (part[2] != own) complain("its own header comes first: \"" own "\"")
}

function guard_of(path) {
  sub(/^(src|include)\//, "", path)
  gsub(/[^A-Za-z0-9]/, "_", path)
  return toupper(path)
}

function check_guard(code,   word) {
  if (guarded || code !~ /[^ \t]/) return
  guarded = 1
  split(code, word, " ")
  if (word[1] != "#ifndef" || word[2] != guard_of(FILENAME))
    complain("the include guard should be " guard_of(FILENAME))
}

# A body runs from "{" to "}" in the first column. The text since the last blank line or body is
# the function's head; a comment in it that says "long: <reason>" excuses a flat table or switch.
function check_body(code) {
  if (code ~ /^\{/) { body = FNR; body_name = last_head; excused = head ~ /long: +[A-Za-z]/; return }
  if (code ~ /^\}/) {
    if (body && FNR - body - 1 > 70 && !excused)
      complain(body_name " has " FNR - body - 1 " lines; above 70 it says in its comment \"long: <why>\"")
    body = 0; head = ""; return
  }
  if (body) return
  if ($0 ~ /^[ \t]*$/) { head = ""; return }
  head = head " " $0
  if (match(code, /[A-Za-z_][A-Za-z0-9_]*\(/)) last_head = substr(code, RSTART, RLENGTH - 1)
}

function end_file() {
  if (lines > 1000) print last_file ":" lines ": a file above 1000 lines is two files"
}

BEGIN {
  count = split(sources, source, "\n")
  for (i = 1; i <= count; i++) exists[source[i]] = 1
}
FILENAME ~ /tidy\.rules$/ { learn($0); next }
FNR == 1 {
  end_file()
  in_comment = body = guarded = includes = 0; head = ""
  last_file = FILENAME
}
{
  lines = FNR
  check_text()
  code = code_of($0)
  if (code ~ /^[ \t]*#[ \t]*include/) check_include()
  if (FILENAME ~ /\.h$/) check_guard(code)
  if (FILENAME ~ /\.S$/) next
  if (code ~ /\(/) check_calls(code)
  check_body(code)
}
END { end_file() }
