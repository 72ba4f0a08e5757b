/* logql_template.c - templates: text to a tree, and the tree run over a line; see
 * logql_template_internal.h. */
#include "query/logql/logql_template_internal.h"

#include "query/logql/logql_lexer_internal.h"

#include "base/buf.h"

#include <string.h>

typedef struct Reader {
    const TemplateMaker *maker;
    Str rest;   /* of the template, behind the action that is read */
    Str action; /* what is left of it */
    unsigned depth;
    Err *err;
} Reader;

#define READER_NEW(reader, T) ARENA_MAKE((reader)->maker->arena, T, 1, (reader)->err)

/* ---- words inside an action ---------------------------------------------------------------------
 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_word(char c)
{
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || c == '_' || is_digit(c);
}

static void *bad(Reader *reader, const char *what, Str near)
{
    fail(reader->err, ERR_INPUT, "invalid template: %s%s%.*s", what, near.len ? " " : "",
         STR_ARG(str_first(near, 60)));
    return NULL;
}

static size_t word_length(Str text)
{
    size_t len = 0;
    while (len < text.len && is_word(text.ptr[len]))
        len++;
    return len;
}

static Str take_word(Reader *reader)
{
    size_t len = word_length(reader->action);
    Str word = str_first(reader->action, len);
    reader->action = str_skip(reader->action, len);
    return word;
}

static bool peek(Reader *reader, char c)
{
    reader->action = str_trim(reader->action);
    return reader->action.len && reader->action.ptr[0] == c;
}

/* "..." and `...`, as the query language has them. */
static bool take_quoted(Reader *reader, Str *out)
{
    Lexer lexer = { .source = reader->action, .arena = reader->maker->arena };
    LexToken token;
    if (!lexer_next(&lexer, &token, reader->err))
        return false;
    *out = token.text;
    reader->action = str_skip(reader->action, lexer.at);
    return true;
}

static size_t number_length(Str text)
{
    size_t len = text.len && text.ptr[0] == '-';
    while (len < text.len && (is_word(text.ptr[len]) || text.ptr[len] == '.'))
        len++;
    return len;
}

static TemplateTerm *take_number(Reader *reader, TemplateTerm *term)
{
    Str text = str_first(reader->action, number_length(reader->action));
    reader->action = str_skip(reader->action, text.len);
    TemplateValue *value = &term->constant;
    if (str_to_i64(text, &value->integer))
        value->kind = T_INT;
    else if (logql_float(text, &value->real))
        value->kind = T_FLOAT;
    else
        return bad(reader, "bad number", text);
    return term;
}

/* ---- terms --------------------------------------------------------------------------------------
 */

static TemplateTerm *parse_pipeline(Reader *reader);

static bool starts_argument(Reader *reader)
{
    return !peek(reader, ')') && !peek(reader, '|') && reader->action.len > 0;
}

static TemplateTerm *check_call(Reader *reader, TemplateTerm *term)
{
    const TemplateFunction *function = term->function;
    if (term->count < function->least || term->count > function->most)
        return bad(reader, "wrong number of arguments for", function->name);
    if (!template_takes_regex(function))
        return term;
    const TemplateTerm *first = term->arguments[0];
    if (first->kind != TERM_CONSTANT || first->constant.kind != T_TEXT)
        return bad(reader, "the regular expression must be a constant text for", function->name);
    term->regex = reader->maker->regex(reader->maker->context, first->constant.text);
    return term->regex ? term : NULL;
}

/* true, false, or the name of a function. */
static TemplateTerm *parse_word(Reader *reader, TemplateTerm *term)
{
    Str word = take_word(reader);
    if (!word.len)
        return bad(reader, "unexpected", reader->action);
    if (str_eq(word, STR("true")) || str_eq(word, STR("false"))) {
        term->constant = (TemplateValue){ .kind = T_BOOL, .boolean = word.ptr[0] == 't' };
        return term;
    }
    static const Str later[] = { STR_ROW("date"),         STR_ROW("now"),        STR_ROW("toDate"),
                                 STR_ROW("toDateInZone"), STR_ROW("unixToTime"), STR_ROW("title"),
                                 STR_ROW("fromJson"),     STR_ROW("index"),      STR_ROW("print"),
                                 STR_ROW("println") };
    for (size_t i = 0; i < COUNT_OF(later); i++)
        if (str_eq(later[i], word))
            return fail(reader->err, ERR_UNSUPPORTED,
                        "invalid template: function \"%.*s\" is not supported yet", STR_ARG(word)),
                   NULL;
    term->kind = TERM_CALL;
    term->function = template_function(word);
    if (!term->function) {
        fail(reader->err, ERR_INPUT, "invalid template: function \"%.*s\" not defined",
             STR_ARG(str_first(word, 60)));
        return NULL;
    }
    return term;
}

/* One operand: a constant, a label, a call without arguments, or parentheses. */
static TemplateTerm *parse_operand(Reader *reader)
{
    TemplateTerm *term = READER_NEW(reader, TemplateTerm);
    if (!term)
        return NULL;
    if (peek(reader, '"') || peek(reader, '`'))
        return take_quoted(reader, &term->constant.text) ? term : NULL;
    if (peek(reader, '(')) {
        reader->action = str_skip(reader->action, 1);
        TemplateTerm *inner = parse_pipeline(reader);
        if (inner && !peek(reader, ')'))
            return bad(reader, "unclosed left paren", STR(""));
        reader->action = str_skip(reader->action, 1);
        return inner;
    }
    if (peek(reader, '.')) {
        reader->action = str_skip(reader->action, 1);
        term->kind = TERM_LABEL;
        term->label = take_word(reader);
        return term->label.len ? term : bad(reader, "'.' alone is not supported yet", STR(""));
    }
    if (reader->action.len && (is_digit(reader->action.ptr[0]) || peek(reader, '-')))
        return take_number(reader, term);
    return parse_word(reader, term);
}

/* An operand, with arguments where it is a function; `piped` comes last among them. */
static TemplateTerm *parse_command(Reader *reader, TemplateTerm *piped)
{
    TemplateTerm *term = parse_operand(reader);
    if (!term)
        return NULL;
    bool calls = term->kind == TERM_CALL && !term->count && term->function->most > 0;
    while (starts_argument(reader)) {
        if (!calls || term->count + 1 >= TEMPLATE_ARGUMENTS_MAX)
            return bad(reader, "unexpected", reader->action);
        TemplateTerm *argument = parse_operand(reader);
        if (!argument)
            return NULL;
        if (argument->kind == TERM_CALL && !argument->count && !check_call(reader, argument))
            return NULL;
        term->arguments[term->count++] = argument;
    }
    if (piped && !calls)
        return bad(reader, "a value cannot take what is piped into it", STR(""));
    if (piped)
        term->arguments[term->count++] = piped;
    return term->kind != TERM_CALL || term->regex ? term : check_call(reader, term);
}

static TemplateTerm *parse_pipeline(Reader *reader)
{
    if (++reader->depth > TEMPLATE_DEPTH_MAX)
        return bad(reader, "nested too deep", STR(""));
    unsigned length = 1;
    TemplateTerm *term = parse_command(reader, NULL);
    while (term && peek(reader, '|')) {
        if (++length > TEMPLATE_DEPTH_MAX)
            return bad(reader, "a pipeline too long", STR(""));
        reader->action = str_skip(reader->action, 1);
        term = parse_command(reader, term);
    }
    reader->depth--;
    return term;
}

static TemplateTerm *parse_whole(Reader *reader)
{
    TemplateTerm *term = parse_pipeline(reader);
    return !term || !str_trim(reader->action).len ? term
                                                  : bad(reader, "unexpected", reader->action);
}

/* ---- pieces -------------------------------------------------------------------------------------
 */

/* Where "}}" stands, texts passed over. */
static bool find_close(Str text, size_t *out)
{
    char quote = 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        char c = text.ptr[i];
        if (quote == '"' && c == '\\')
            i++;
        else if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '`')
            quote = c;
        else if (c == '}' && text.ptr[i + 1] == '}')
            return *out = i, true;
    }
    return false;
}

static Str trim_end(Str text)
{
    while (text.len && strchr(" \t\r\n", text.ptr[text.len - 1]))
        text.len--;
    return text;
}
static Str trim_start(Str text)
{
    while (text.len && strchr(" \t\r\n", text.ptr[0]))
        text = str_skip(text, 1);
    return text;
}

/* The text before the next action, and the action without its braces. *none: there is no action any
 * more. */
static bool next_action(Reader *reader, Str *text, bool *none)
{
    static const char open[] = "{{";
    Str rest = reader->rest;
    const char *at = rest.len ? memmem(rest.ptr, rest.len, open, 2) : NULL;
    size_t close;
    *none = !at;
    *text = rest;
    reader->rest = reader->action = STR("");
    if (!at)
        return true;
    *text = str_first(rest, (size_t)(at - rest.ptr));
    Str inside = str_skip(rest, text->len + 2);
    if (!find_close(inside, &close))
        return bad(reader, "unclosed action", STR("")), false;
    reader->rest = str_skip(inside, close + 2);
    inside = str_first(inside, close);
    bool before = inside.len > 1 && inside.ptr[0] == '-' && strchr(" \t\r\n", inside.ptr[1]);
    bool behind = inside.len > 1 && str_ends(inside, STR("-")) &&
                  strchr(" \t\r\n", inside.ptr[inside.len - 2]);
    if (before)
        inside = str_skip(inside, 1), *text = trim_end(*text);
    if (behind)
        inside.len -= inside.len > 0, reader->rest = trim_start(reader->rest);
    reader->action = str_trim(inside);
    return true;
}

static TemplatePiece **add_piece(Reader *reader, TemplatePiece **link, TemplatePiece piece)
{
    TemplatePiece *made = READER_NEW(reader, TemplatePiece);
    if (!made)
        return NULL;
    *made = piece;
    *link = made;
    return &made->next;
}

typedef enum Ending { ENDS_TEXT, ENDS_ELSE, ENDS_END } Ending;

static LogqlTemplate *parse_pieces(Reader *reader, Ending *ending);

/* Behind `if`: the condition, then pieces to else or end. `else if` is a choice in the else. */
static bool parse_choice(Reader *reader, TemplatePiece *out)
{
    Ending ending;
    out->is_choice = true;
    out->term = parse_whole(reader);
    out->yes = out->term ? parse_pieces(reader, &ending) : NULL;
    if (!out->yes)
        return false;
    if (ending == ENDS_ELSE && word_length(reader->action)) {
        if (!str_eq(take_word(reader), STR("if")))
            return bad(reader, "unexpected", reader->action), false;
        out->no = READER_NEW(reader, LogqlTemplate);
        TemplatePiece *inner = out->no ? READER_NEW(reader, TemplatePiece) : NULL;
        if (!inner || ++reader->depth > TEMPLATE_DEPTH_MAX)
            return inner ? bad(reader, "nested too deep", STR("")), false : false;
        out->no->pieces = inner;
        bool ok = parse_choice(reader, inner);
        reader->depth--;
        return ok;
    }
    if (ending == ENDS_ELSE)
        out->no = parse_pieces(reader, &ending);
    if (ending == ENDS_ELSE && !out->no)
        return false;
    return ending == ENDS_END || (bad(reader, "an if without its end", STR("")), false);
}

static bool is_keyword(Reader *reader, const char *word)
{
    Str key = str_from(word);
    if (!str_starts(reader->action, key) || word_length(reader->action) != key.len)
        return false;
    reader->action = str_trim(str_skip(reader->action, key.len));
    return true;
}

static bool refuse_later(Reader *reader)
{
    static const char *const later[] = { "range", "with",  "define",  "template",
                                         "block", "break", "continue" };
    for (size_t i = 0; i < COUNT_OF(later); i++)
        if (is_keyword(reader, later[i]))
            return fail(reader->err, ERR_UNSUPPORTED, "invalid template: '%s' is not supported yet",
                        later[i]);
    if (str_starts(reader->action, STR("$")))
        return fail(reader->err, ERR_UNSUPPORTED,
                    "invalid template: variables are not supported yet");
    return true;
}

static LogqlTemplate *parse_pieces(Reader *reader, Ending *ending)
{
    LogqlTemplate *made = READER_NEW(reader, LogqlTemplate);
    if (!made || ++reader->depth > TEMPLATE_DEPTH_MAX)
        return made ? bad(reader, "nested too deep", STR("")) : NULL;
    TemplatePiece **link = &made->pieces;
    for (;;) {
        TemplatePiece piece = { 0 };
        bool none;
        if (!next_action(reader, &piece.text, &none))
            return NULL;
        if (piece.text.len && !(link = add_piece(reader, link, piece)))
            return NULL;
        *ending = none ? ENDS_TEXT : is_keyword(reader, "else") ? ENDS_ELSE : ENDS_END;
        if (*ending != ENDS_END || is_keyword(reader, "end"))
            break;
        if (str_starts(reader->action, STR("/*")))
            continue;
        piece = (TemplatePiece){ 0 };
        if (!refuse_later(reader))
            return NULL;
        bool ok = is_keyword(reader, "if") ? parse_choice(reader, &piece)
                                           : (piece.term = parse_whole(reader)) != NULL;
        if (!ok || !(link = add_piece(reader, link, piece)))
            return NULL;
    }
    reader->depth--;
    return made;
}

LogqlTemplate *template_parse(const TemplateMaker *maker, Str text, Err *err)
{
    Reader reader = { .maker = maker, .rest = text, .err = err };
    Ending ending;
    LogqlTemplate *made = parse_pieces(&reader, &ending);
    if (made && ending != ENDS_TEXT)
        return bad(&reader, "an else or end without its if", STR(""));
    return made;
}

/* ---- running ------------------------------------------------------------------------------------
 */

/* Bounded by the depth of the parser. */
static bool evaluate(LogqlRow *row, const TemplateTerm *term, TemplateValue *out)
{
    bool found;
    if (term->kind == TERM_CONSTANT)
        return *out = term->constant, true;
    if (term->kind == TERM_LABEL) {
        *out = (TemplateValue){ .text = row_get(row, term->label, &found) };
        return true;
    }
    TemplateValue values[TEMPLATE_ARGUMENTS_MAX];
    for (size_t i = 0; i < term->count; i++)
        if (!evaluate(row, term->arguments[i], &values[i]))
            return false;
    const TemplateCall call = { term->function, values, term->count, term->regex };
    *out = (TemplateValue){ .text = STR("") };
    return term->function->call(row, &call, out) && !row->failed;
}

static bool run_pieces(LogqlRow *row, const LogqlTemplate *template, Buf *out)
{
    for (const TemplatePiece *piece = template->pieces; piece; piece = piece->next) {
        TemplateValue value;
        if (!piece->term) {
            buf_add(out, piece->text);
            continue;
        }
        if (!evaluate(row, piece->term, &value))
            return false;
        const LogqlTemplate *chosen = template_truth(&value) ? piece->yes : piece->no;
        if (!piece->is_choice)
            buf_add(out, template_text(row, &value));
        else if (chosen && !run_pieces(row, chosen, out))
            return false;
    }
    return true;
}

bool template_run(LogqlRow *row, const LogqlTemplate *template, Str *out)
{
    enum { OUT_MAX = 1 << 20 };
    Buf text = BUF(OUT_MAX);
    bool ok = run_pieces(row, template, &text);
    if (ok && text.over_max) {
        row_mark(row, STR("TemplateFormatErr"), "more than %d bytes", OUT_MAX);
        ok = false;
    }
    if (ok && !buf_ok(&text, &row->err)) {
        row->failed = true;
        ok = false;
    }
    ok = ok && row_copy(row, buf_str(&text), out);
    buf_free(&text);
    return ok;
}
