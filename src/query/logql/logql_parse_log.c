/* logql_parse_log.c - words to the typed tree: selectors, line filters, label filters and the other
 * stages of a pipeline; see logql_parse.c. */
#include "query/logql/logql_parser_internal.h"
#include "query/logql/logql_pattern_internal.h"
#include "query/logql/logql_template_internal.h"

static bool bad(Parser *parser, size_t at, const char *what)
{
    return lexer_fail(parser->lexer.source, at, parser->err, "%s", what);
}

/* ---- selectors ----------------------------------------------------------------------------------
 */

static bool parse_label_op(Parser *parser, LabelOp *out)
{
    static const struct {
        Str sign;
        LabelOp op;
    } rows[] = {
        { STR_ROW("="), LABEL_EQUAL },
        { STR_ROW("!="), LABEL_NOT_EQUAL },
        { STR_ROW("=~"), LABEL_REGEX },
        { STR_ROW("!~"), LABEL_NOT_REGEX },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (parser_is_sign(parser, rows[i].sign)) {
            *out = rows[i].op;
            return parser_step(parser);
        }
    return parser_unexpected(parser, "=, !=, =~ or !~");
}

static bool is_regex(LabelOp op)
{
    return op == LABEL_REGEX || op == LABEL_NOT_REGEX;
}

/* Does a label that is not there satisfy it? */
static bool takes_empty(const LabelMatcher *matcher, const Regex *regex)
{
    bool holds = regex ? regex_matches(regex, STR("")) : matcher->value.len == 0;
    return holds == (matcher->op == LABEL_EQUAL || matcher->op == LABEL_REGEX);
}

static bool parse_matcher(Parser *parser, LogqlLog *log, bool *selects)
{
    if (log->matcher_count == LABEL_MATCHERS_MAX)
        return bad(parser, parser->token.at, "too many matchers in one selector");
    LabelMatcher *matcher = &log->matchers[log->matcher_count++];
    size_t at = parser->token.at;
    if (!parser_word(parser, &matcher->name) || !parse_label_op(parser, &matcher->op) ||
        !parser_text(parser, &matcher->value))
        return false;
    Regex *regex = NULL;
    if (is_regex(matcher->op)) {
        regex = parser_regex(parser, matcher->value, REGEX_ANCHORED, at);
        if (!regex)
            return false;
    }
    *selects = *selects || !takes_empty(matcher, regex);
    return true;
}

bool parse_selector(Parser *parser, LogqlLog *log)
{
    bool more = true, selects = false, closed;
    size_t at = parser->token.at;
    log->matchers = ARENA_MAKE(parser->query->arena, LabelMatcher, LABEL_MATCHERS_MAX, parser->err);
    if (!log->matchers || !parser_expect(parser, STR("{")) ||
        !parser_accept(parser, STR("}"), &closed))
        return false;
    while (!closed && more)
        if (!parse_matcher(parser, log, &selects) || !parser_accept(parser, STR(","), &more))
            return false;
    if (!closed && !parser_expect(parser, STR("}")))
        return false;
    return selects ||
           bad(parser, at,
               "queries require at least one regexp or equality matcher that does not have an "
               "empty-compatible value, such as app=~\".+\"");
}

/* ---- ip("...") ----------------------------------------------------------------------------------
 */

static bool parse_ip(Parser *parser, LogqlIp *out)
{
    Str text;
    size_t at = parser->token.at;
    if (!parser_step(parser) || !parser_expect(parser, STR("(")) || !parser_text(parser, &text) ||
        !parser_expect(parser, STR(")")))
        return false;
    return logql_ip_parse(text, out) ||
           lexer_fail(parser->lexer.source, at, parser->err, "ip: invalid pattern \"%.*s\"",
                      STR_ARG(str_first(text, 60)));
}

/* ---- line filters -------------------------------------------------------------------------------
 */

static const struct LineSign {
    Str sign;
    LineTest test;
    bool negated;
} line_signs[] = {
    { STR_ROW("|="), LINE_CONTAINS, false }, { STR_ROW("!="), LINE_CONTAINS, true },
    { STR_ROW("|~"), LINE_REGEX, false },    { STR_ROW("!~"), LINE_REGEX, true },
    { STR_ROW("|>"), LINE_PATTERN, false },  { STR_ROW("!>"), LINE_PATTERN, true },
};

static const struct LineSign *line_sign(const Parser *parser)
{
    for (size_t i = 0; i < COUNT_OF(line_signs); i++)
        if (parser_is_sign(parser, line_signs[i].sign))
            return &line_signs[i];
    return NULL;
}

static bool parse_line_pattern(Parser *parser, LineOperand *operand, size_t at)
{
    if (!pattern_parse(parser->query->arena, operand->text, &operand->pattern, parser->err))
        return lexer_blame(parser->lexer.source, at, parser->err);
    for (const PatternPart *part = operand->pattern; part; part = part->next)
        if (part->is_capture && !str_eq(part->text, STR("_")))
            return bad(parser, at, "named captures are not allowed");
    return true;
}

static LineOperand *parse_operand(Parser *parser, LineTest test)
{
    LineOperand *operand = PARSER_NEW(parser, LineOperand);
    size_t at = parser->token.at;
    if (!operand)
        return NULL;
    operand->test = test;
    if (parser_is_word(parser, STR("ip"))) {
        if (test != LINE_CONTAINS)
            return bad(parser, at, "ip: invalid operation: it goes with |= and != only"), NULL;
        operand->test = LINE_IP;
        return parse_ip(parser, &operand->ip) ? operand : NULL;
    }
    if (!parser_text(parser, &operand->text))
        return NULL;
    if (test == LINE_REGEX)
        operand->regex = parser_regex(parser, operand->text, REGEX_SEARCH, at);
    if ((test == LINE_REGEX && !operand->regex) ||
        (test == LINE_PATTERN && !parse_line_pattern(parser, operand, at)))
        return NULL;
    return operand;
}

static bool parse_line_filter(Parser *parser, LogqlStage *stage, const struct LineSign *sign)
{
    stage->kind = STAGE_LINE;
    stage->negated = sign->negated;
    LineOperand **link = &stage->operands;
    do {
        if (!parser_step(parser))
            return false;
        *link = parse_operand(parser, sign->test);
        if (!*link)
            return false;
        link = &(*link)->next;
    } while (parser_is_word(parser, STR("or")));
    return true;
}

/* ---- label filters ------------------------------------------------------------------------------
 */

static LogqlCondition *parse_condition(Parser *parser);

static LogqlCondition *join(Parser *parser, ConditionKind kind, LogqlCondition *left,
                            LogqlCondition *right)
{
    LogqlCondition *made = right ? PARSER_NEW(parser, LogqlCondition) : NULL;
    if (made)
        *made = (LogqlCondition){ .kind = kind, .left = left, .right = right };
    return made;
}

/* A number, duration or size with its sign. */
static bool parse_amount(Parser *parser, LogqlCondition *out)
{
    bool minus;
    if (!parser_accept(parser, STR("-"), &minus))
        return false;
    if (parser->token.kind == LEX_NUMBER)
        out->kind = CONDITION_NUMBER, out->number = parser->token.number;
    else if (parser->token.kind == LEX_DURATION)
        out->kind = CONDITION_DURATION, out->number = (double)parser->token.nanos;
    else if (parser->token.kind == LEX_BYTES)
        out->kind = CONDITION_BYTES, out->number = parser->token.number;
    else
        return parser_unexpected(parser, "BYTES, DURATION or NUMBER");
    out->number = minus ? -out->number : out->number;
    return parser_step(parser);
}

static bool parse_comparison(Parser *parser, Comparison *out)
{
    static const struct {
        Str sign;
        Comparison comparison;
    } rows[] = {
        { STR_ROW("="), EQUAL },          { STR_ROW("=="), EQUAL },
        { STR_ROW("!="), NOT_EQUAL },     { STR_ROW("<"), LESS },
        { STR_ROW("<="), LESS_EQUAL },    { STR_ROW(">"), GREATER },
        { STR_ROW(">="), GREATER_EQUAL },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (parser_is_sign(parser, rows[i].sign)) {
            *out = rows[i].comparison;
            return parser_step(parser);
        }
    return parser_unexpected(parser, "a comparison");
}

/* = and != go with texts, addresses and amounts; =~ and !~ with texts; the others with amounts. */
static bool parse_value(Parser *parser, LogqlCondition *out)
{
    bool regex = parser_is_sign(parser, STR("=~")) || parser_is_sign(parser, STR("!~"));
    bool plain = parser_is_sign(parser, STR("=")) || parser_is_sign(parser, STR("!="));
    if (regex) {
        size_t at = parser->token.at;
        out->kind = CONDITION_TEXT;
        if (!parse_label_op(parser, &out->op) || !parser_text(parser, &out->text))
            return false;
        out->regex = parser_regex(parser, out->text, REGEX_ANCHORED, at);
        return out->regex;
    }
    if (!parse_comparison(parser, &out->comparison))
        return false;
    out->op = out->comparison == EQUAL ? LABEL_EQUAL : LABEL_NOT_EQUAL;
    if (plain && parser->token.kind == LEX_TEXT) {
        out->kind = CONDITION_TEXT;
        return parser_text(parser, &out->text);
    }
    if (plain && parser_is_word(parser, STR("ip"))) {
        out->kind = CONDITION_IP;
        return parse_ip(parser, &out->ip);
    }
    return parse_amount(parser, out);
}

static LogqlCondition *parse_one(Parser *parser)
{
    if (parser_is_sign(parser, STR("("))) {
        LogqlCondition *inner = parser_step(parser) ? parse_condition(parser) : NULL;
        return inner && parser_expect(parser, STR(")")) ? inner : NULL;
    }
    if (++parser->conditions > CONDITIONS_MAX)
        return lexer_fail(parser->lexer.source, parser->token.at, parser->err,
                          "more than %d conditions", CONDITIONS_MAX),
               NULL;
    LogqlCondition *made = PARSER_NEW(parser, LogqlCondition);
    if (!made || !parser_word(parser, &made->name) || !parse_value(parser, made))
        return NULL;
    return made;
}

/* `and`, a comma, or nothing at all between two. */
static LogqlCondition *parse_ands(Parser *parser)
{
    LogqlCondition *left = parse_one(parser);
    while (left) {
        bool joined = parser_is_word(parser, STR("and")) || parser_is_sign(parser, STR(","));
        bool another = parser_is_sign(parser, STR("(")) ||
                       (parser->token.kind == LEX_WORD && !parser_is_word(parser, STR("or")));
        if (!joined && !another)
            break;
        if (joined && !parser_step(parser))
            return NULL;
        left = join(parser, CONDITION_AND, left, parse_one(parser));
    }
    return left;
}

static LogqlCondition *parse_condition(Parser *parser)
{
    if (++parser->depth > LOGQL_DEPTH_MAX)
        return bad(parser, parser->token.at, "nested too deep"), NULL;
    LogqlCondition *left = parse_ands(parser);
    while (left && parser_is_word(parser, STR("or")))
        left = parser_step(parser) ? join(parser, CONDITION_OR, left, parse_ands(parser)) : NULL;
    parser->depth--;
    return left;
}

static bool parse_label_filter(Parser *parser, LogqlStage *stage)
{
    stage->kind = STAGE_CONDITION;
    stage->condition = parse_condition(parser);
    return stage->condition;
}

/* ---- parsers of lines ---------------------------------------------------------------------------
 */

/* [a="b", c] - where a name alone stands for a="a". */
static bool parse_extractions(Parser *parser, LogqlStage *stage)
{
    LabelTerm **link = &stage->terms;
    bool more = parser->token.kind == LEX_WORD;
    while (more) {
        LabelTerm *term = PARSER_NEW(parser, LabelTerm);
        bool given;
        if (!term || !parser_word(parser, &term->name) || !parser_accept(parser, STR("="), &given))
            return false;
        term->text = term->name;
        if ((given && !parser_text(parser, &term->text)) || !parser_accept(parser, STR(","), &more))
            return false;
        *link = term;
        link = &term->next;
    }
    return true;
}

static bool parse_json(Parser *parser, LogqlStage *stage)
{
    stage->kind = STAGE_JSON;
    return parse_extractions(parser, stage);
}

static bool parse_logfmt(Parser *parser, LogqlStage *stage)
{
    stage->kind = STAGE_LOGFMT;
    while (parser->token.kind == LEX_FLAG) {
        bool strict = str_eq(parser->token.text, STR("strict"));
        stage->strict = stage->strict || strict;
        stage->keep_empty = stage->keep_empty || !strict;
        if (!parser_step(parser))
            return false;
    }
    return parse_extractions(parser, stage);
}

static bool parse_regexp(Parser *parser, LogqlStage *stage)
{
    Str text;
    size_t at = parser->token.at;
    stage->kind = STAGE_REGEXP;
    if (!parser_text(parser, &text))
        return false;
    stage->regex = parser_regex(parser, text, REGEX_SEARCH, at);
    if (!stage->regex)
        return false;
    for (size_t i = 0; i < regex_groups(stage->regex); i++)
        if (regex_group_name(stage->regex, i).len)
            return true;
    return bad(parser, at, "at least one named capture must be supplied");
}

static bool parse_pattern(Parser *parser, LogqlStage *stage)
{
    Str text;
    size_t at = parser->token.at;
    stage->kind = STAGE_PATTERN;
    if (!parser_text(parser, &text))
        return false;
    if (!pattern_parse(parser->query->arena, text, &stage->pattern, parser->err))
        return lexer_blame(parser->lexer.source, at, parser->err);
    for (const PatternPart *part = stage->pattern; part; part = part->next)
        if (part->is_capture && !str_eq(part->text, STR("_")))
            return true;
    return bad(parser, at, "at least one capture is required");
}

static bool parse_unpack(Parser *parser, LogqlStage *stage)
{
    (void)parser;
    stage->kind = STAGE_UNPACK;
    return true;
}

static bool parse_decolorize(Parser *parser, LogqlStage *stage)
{
    (void)parser;
    stage->kind = STAGE_DECOLORIZE;
    return true;
}

/* ---- what changes labels and lines --------------------------------------------------------------
 */

typedef struct TemplatePlace {
    Parser *parser;
    size_t at;
} TemplatePlace;

static Regex *template_regex(void *context, Str pattern)
{
    const TemplatePlace *place = context;
    return parser_regex(place->parser, pattern, REGEX_SEARCH, place->at);
}

static LogqlTemplate *parse_template(Parser *parser)
{
    Str text;
    TemplatePlace place = { parser, parser->token.at };
    const TemplateMaker maker = { parser->query->arena, template_regex, &place };
    if (!parser_text(parser, &text))
        return NULL;
    LogqlTemplate *made = template_parse(&maker, text, parser->err);
    if (!made && !str_starts(str_from(parser->err->text), STR("parse error")))
        lexer_blame(parser->lexer.source, place.at, parser->err);
    return made;
}

static bool parse_line_format(Parser *parser, LogqlStage *stage)
{
    stage->kind = STAGE_LINE_FORMAT;
    stage->format = parse_template(parser);
    return stage->format;
}

/* a="template", b=c */
static bool parse_label_format(Parser *parser, LogqlStage *stage)
{
    LabelTerm **link = &stage->terms;
    stage->kind = STAGE_LABEL_FORMAT;
    for (bool more = true; more;) {
        LabelTerm *term = PARSER_NEW(parser, LabelTerm);
        if (!term || !parser_word(parser, &term->name) || !parser_expect(parser, STR("=")))
            return false;
        if (parser->token.kind == LEX_WORD) {
            if (!parser_word(parser, &term->text))
                return false;
        } else if (!(term->format = parse_template(parser))) {
            return false;
        }
        *link = term;
        link = &term->next;
        if (!parser_accept(parser, STR(","), &more))
            return false;
    }
    return true;
}

/* a, b="x", c=~"y" */
static bool parse_drop_terms(Parser *parser, LogqlStage *stage)
{
    LabelTerm **link = &stage->terms;
    for (bool more = true; more;) {
        LabelTerm *term = PARSER_NEW(parser, LabelTerm);
        size_t at = parser->token.at;
        if (!term || !parser_word(parser, &term->name))
            return false;
        term->has_text = parser->token.kind == LEX_SIGN && !parser_is_sign(parser, STR(",")) &&
                         !parser_is_sign(parser, STR("|")) && !parser_is_sign(parser, STR(")"));
        term->has_text = term->has_text && !parser_is_sign(parser, STR("|=")) &&
                         !parser_is_sign(parser, STR("|~")) && !parser_is_sign(parser, STR("|>"));
        if (term->has_text &&
            (!parse_label_op(parser, &term->op) || !parser_text(parser, &term->text)))
            return false;
        if (term->has_text && is_regex(term->op)) {
            term->regex = parser_regex(parser, term->text, REGEX_ANCHORED, at);
            if (!term->regex)
                return false;
        }
        *link = term;
        link = &term->next;
        if (!parser_accept(parser, STR(","), &more))
            return false;
    }
    return true;
}

static bool parse_drop(Parser *parser, LogqlStage *stage)
{
    stage->kind = STAGE_DROP;
    return parse_drop_terms(parser, stage);
}

static bool parse_keep(Parser *parser, LogqlStage *stage)
{
    stage->kind = STAGE_KEEP;
    return parse_drop_terms(parser, stage);
}

/* ---- unwrap -------------------------------------------------------------------------------------
 */

static bool parse_unwrap(Parser *parser, LogqlLog *log)
{
    Str name;
    bool converted;
    if (log->unwraps)
        return parser_unexpected(parser, NULL);
    if (!parser_step(parser) || !parser_word(parser, &name) ||
        !parser_accept(parser, STR("("), &converted))
        return false;
    log->unwraps = true;
    log->unwrap_label = name;
    if (!converted)
        return true;
    if (str_eq(name, STR("duration")) || str_eq(name, STR("duration_seconds")))
        log->unwrap_as = UNWRAP_DURATION;
    else if (str_eq(name, STR("bytes")))
        log->unwrap_as = UNWRAP_BYTES;
    else
        return lexer_fail(parser->lexer.source, parser->token.at, parser->err,
                          "syntax error: unexpected %.*s(, expecting duration, duration_seconds "
                          "or bytes",
                          STR_ARG(str_first(name, 60)));
    return parser_word(parser, &log->unwrap_label) && parser_expect(parser, STR(")"));
}

/* ---- all of it ----------------------------------------------------------------------------------
 */

/* Behind a '|'. */
static bool parse_stage(Parser *parser, LogqlStage *stage)
{
    static const struct {
        Str name;
        bool (*parse)(Parser *parser, LogqlStage *stage);
    } rows[] = {
        { STR_ROW("json"), parse_json },
        { STR_ROW("logfmt"), parse_logfmt },
        { STR_ROW("regexp"), parse_regexp },
        { STR_ROW("pattern"), parse_pattern },
        { STR_ROW("unpack"), parse_unpack },
        { STR_ROW("decolorize"), parse_decolorize },
        { STR_ROW("line_format"), parse_line_format },
        { STR_ROW("label_format"), parse_label_format },
        { STR_ROW("drop"), parse_drop },
        { STR_ROW("keep"), parse_keep },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (parser_is_word(parser, rows[i].name))
            return parser_step(parser) && rows[i].parse(parser, stage);
    if (parser->token.kind != LEX_WORD && !parser_is_sign(parser, STR("(")))
        return parser_unexpected(parser, "a stage or a label filter");
    return parse_label_filter(parser, stage);
}

bool parse_stages(Parser *parser, LogqlLog *log)
{
    LogqlStage **link = log->unwraps ? &log->after_unwrap : &log->stages;
    while (*link)
        link = &(*link)->next;
    for (;;) {
        const struct LineSign *sign = line_sign(parser);
        size_t at = parser->token.at;
        if (!sign && !parser_is_sign(parser, STR("|")))
            return true;
        LogqlStage *stage = PARSER_NEW(parser, LogqlStage);
        if (!stage)
            return false;
        if (sign) {
            if (!parse_line_filter(parser, stage, sign))
                return false;
        } else if (!parser_step(parser)) {
            return false;
        } else if (parser_is_word(parser, STR("unwrap"))) {
            if (!parse_unwrap(parser, log))
                return false;
            link = &log->after_unwrap;
            continue;
        } else if (!parse_stage(parser, stage)) {
            return false;
        }
        if (log->unwraps && stage->kind != STAGE_CONDITION)
            return bad(parser, at, "syntax error: only label filters may follow unwrap");
        *link = stage;
        link = &stage->next;
    }
}
