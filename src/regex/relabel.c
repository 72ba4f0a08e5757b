/* relabel.c - see relabel.h. */
#include "regex/relabel.h"

#include "base/mem.h"
#include "regex/md5.h"
#include "regex/regex.h"

#include <inttypes.h>
#include <string.h>

const char *const relabel_actions[] = { "replace",   "keep",      "drop",      "keepequal",
                                        "dropequal", "hashmod",   "labelmap",  "labeldrop",
                                        "labelkeep", "lowercase", "uppercase", NULL };

typedef struct Compiled {
    RelabelRule rule;
    Regex *regex;
} Compiled;

struct Relabel {
    Compiled *rules;
    size_t count;
};

/* ---- names and templates ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool label_name_valid(Str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_word(name.ptr[i]) || (i == 0 && is_digit(name.ptr[i])))
            return false;
    return name.len > 0;
}

/* "1" of "$1" or "${1}", cut off *rest, which begins behind the '$'. False: no reference. */
static bool take_reference(Str *rest, Str *name)
{
    bool braced = str_starts(*rest, STR("{"));
    Str at = braced ? str_skip(*rest, 1) : *rest;
    size_t len = 0;
    while (len < at.len && is_word(at.ptr[len]))
        len++;
    if (!len || (braced && (len == at.len || at.ptr[len] != '}')))
        return false;
    *name = str_first(at, len);
    *rest = str_skip(at, len + braced);
    return true;
}

static bool has_reference(Str template)
{
    for (Str name; template.len; template = str_skip(template, 1)) {
        Str rest = str_skip(template, 1);
        if (template.ptr[0] == '$' && take_reference(&rest, &name))
            return true;
    }
    return false;
}

/* Would it be a label's name, whatever its references stand for? */
static bool is_name_template(Str template)
{
    bool first = true;
    while (template.len) {
        Str name, rest = str_skip(template, 1);
        bool reference = template.ptr[0] == '$' && take_reference(&rest, &name);
        if (!reference && (!is_word(template.ptr[0]) || (first && is_digit(template.ptr[0]))))
            return false;
        template = rest;
        first = false;
    }
    return !first;
}

static Str group_of(const Regex *regex, const Str *groups, Str name)
{
    uint64_t number;
    size_t count = regex_groups(regex);
    if (count > REGEX_GROUPS_MAX)
        count = REGEX_GROUPS_MAX;
    if (str_to_u64(name, &number))
        return number < count ? groups[number] : (Str){ NULL, 0 };
    for (size_t i = 1; i < count; i++)
        if (groups[i].ptr && str_eq(regex_group_name(regex, i), name))
            return groups[i];
    return (Str){ NULL, 0 };
}

/* "$$" is a '$', and so is one with no name behind it. */
static void expand(const Regex *regex, const Str *groups, Str template, Buf *out)
{
    buf_clear(out);
    while (template.len) {
        Str name, rest = str_skip(template, 1);
        char c = template.ptr[0];
        if (c == '$' && str_starts(rest, STR("$"))) {
            buf_add_byte(out, '$');
            rest = str_skip(rest, 1);
        } else if (c == '$' && take_reference(&rest, &name)) {
            buf_add(out, group_of(regex, groups, name));
        } else {
            buf_add_byte(out, c);
        }
        template = rest;
    }
}

/* ---- rules, checked ---- */

static bool plain_fields(const RelabelRule *rule)
{
    return str_eq(rule->regex, STR("(.*)")) && !rule->modulus &&
           str_eq(rule->separator, STR(";")) && str_eq(rule->replacement, STR("$1"));
}

static bool needs_target(RelabelAction action)
{
    switch (action) {
    case RELABEL_REPLACE:
    case RELABEL_HASHMOD:
    case RELABEL_LOWERCASE:
    case RELABEL_UPPERCASE:
    case RELABEL_KEEPEQUAL:
    case RELABEL_DROPEQUAL: return true;
    case RELABEL_KEEP:
    case RELABEL_DROP:
    case RELABEL_LABELMAP:
    case RELABEL_LABELDROP:
    case RELABEL_LABELKEEP: break;
    }
    return false;
}

static bool check_target(const RelabelRule *rule, Err *err)
{
    const char *name = relabel_actions[rule->action];
    if (!needs_target(rule->action))
        return true;
    if (!rule->target_label.len)
        return fail(err, ERR_INPUT, "action %s needs target_label", name);
    bool template = rule->action == RELABEL_REPLACE && has_reference(rule->target_label);
    if (template ? is_name_template(rule->target_label) : label_name_valid(rule->target_label))
        return true;
    return fail(err, ERR_INPUT, "target_label: \"%.*s\" is not a label name",
                STR_ARG(rule->target_label));
}

static bool check_rule(const RelabelRule *rule, Err *err)
{
    const char *name = relabel_actions[rule->action];
    bool folds = rule->action == RELABEL_LOWERCASE || rule->action == RELABEL_UPPERCASE;
    bool equal = rule->action == RELABEL_KEEPEQUAL || rule->action == RELABEL_DROPEQUAL;
    bool of_names = rule->action == RELABEL_LABELDROP || rule->action == RELABEL_LABELKEEP;
    for (size_t i = 0; i < rule->source_count; i++)
        if (!label_name_valid(rule->source_labels[i]))
            return fail(err, ERR_INPUT, "source_labels: \"%.*s\" is not a label name",
                        STR_ARG(rule->source_labels[i]));
    if (rule->action == RELABEL_HASHMOD && !rule->modulus)
        return fail(err, ERR_INPUT, "action hashmod needs a modulus that is not 0");
    if (!check_target(rule, err))
        return false;
    if (folds && !str_eq(rule->replacement, STR("$1")))
        return fail(err, ERR_INPUT, "action %s takes no replacement", name);
    if (rule->action == RELABEL_LABELMAP && !is_name_template(rule->replacement))
        return fail(err, ERR_INPUT, "replacement: \"%.*s\" is not a label name",
                    STR_ARG(rule->replacement));
    if (equal && !plain_fields(rule))
        return fail(err, ERR_INPUT, "action %s takes source_labels and target_label alone", name);
    if (of_names && (rule->source_count || rule->target_label.len || rule->modulus ||
                     !str_eq(rule->separator, STR(";")) || !str_eq(rule->replacement, STR("$1"))))
        return fail(err, ERR_INPUT, "action %s takes a regex alone", name);
    return true;
}

Relabel *relabel_new(const RelabelRule *rules, size_t count, Err *err)
{
    Relabel *relabel = MEM_MAKE(Relabel, 1, err);
    if (!relabel)
        return NULL;
    relabel->rules = MEM_MAKE(Compiled, count + 1, err);
    for (size_t i = 0; relabel->rules && i < count; i++) {
        relabel->rules[i].rule = rules[i];
        relabel->count = i + 1;
        if (!check_rule(&rules[i], err) ||
            !(relabel->rules[i].regex = regex_new(rules[i].regex, REGEX_ANCHORED, err))) {
            (void)blame(err, "rule %zu", i + 1);
            relabel_free(relabel);
            return NULL;
        }
    }
    if (relabel->rules)
        return relabel;
    mem_free(relabel);
    return NULL;
}

void relabel_free(Relabel *relabel)
{
    if (!relabel)
        return;
    for (size_t i = 0; i < relabel->count; i++)
        regex_free(relabel->rules[i].regex);
    mem_free(relabel->rules);
    mem_free(relabel);
}

/* ---- the set ---- */

static size_t find(const LabelSet *set, Str name)
{
    size_t i = 0;
    while (i < set->count && !str_eq(set->items[i].name, name))
        i++;
    return i;
}

Str label_set_get(const LabelSet *set, Str name)
{
    size_t i = find(set, name);
    return i < set->count ? set->items[i].value : (Str){ NULL, 0 };
}

bool label_set_put(LabelSet *set, Label label, Err *err)
{
    size_t i = find(set, label.name);
    if (!label.value.len) {
        if (i < set->count)
            set->items[i] = set->items[--set->count];
        return true;
    }
    if (i == set->cap)
        return fail(err, ERR_LIMIT, "more than %zu labels", set->cap);
    set->count += i == set->count;
    set->items[i] = label;
    return true;
}

void label_set_done(LabelSet *set)
{
    buf_free(&set->joined);
    buf_free(&set->made);
}

/* The same with texts that are about to change. */
static bool put_copy(LabelSet *set, Str name, Str value, Err *err)
{
    Label label;
    return arena_copy(set->arena, name, &label.name, err) &&
           arena_copy(set->arena, value, &label.value, err) && label_set_put(set, label, err);
}

/* ---- actions ---- */

static bool join(const RelabelRule *rule, LabelSet *set, Err *err)
{
    set->joined.max = set->made.max = RELABEL_TEXT_MAX;
    buf_clear(&set->joined);
    for (size_t i = 0; i < rule->source_count; i++) {
        if (i)
            buf_add(&set->joined, rule->separator);
        buf_add(&set->joined, label_set_get(set, rule->source_labels[i]));
    }
    return buf_ok(&set->joined, err);
}

static bool replace(const Compiled *compiled, LabelSet *set, Err *err)
{
    const RelabelRule *rule = &compiled->rule;
    Str groups[REGEX_GROUPS_MAX] = { { NULL, 0 } };
    Str name = rule->target_label;
    if (!regex_find(compiled->regex, buf_str(&set->joined), groups, REGEX_GROUPS_MAX))
        return true;
    if (has_reference(name)) {
        expand(compiled->regex, groups, name, &set->made);
        if (!buf_ok(&set->made, err) || !arena_copy(set->arena, buf_str(&set->made), &name, err))
            return false;
        if (!label_name_valid(name))
            return true;
    }
    expand(compiled->regex, groups, rule->replacement, &set->made);
    return buf_ok(&set->made, err) && put_copy(set, name, buf_str(&set->made), err);
}

/* The last eight bytes of the hash, as a big-endian number. */
static bool hashmod(const RelabelRule *rule, LabelSet *set, Err *err)
{
    uint8_t hash[MD5_SIZE];
    uint64_t number = 0;
    md5_of(buf_str(&set->joined), hash);
    for (size_t i = MD5_SIZE - 8; i < MD5_SIZE; i++)
        number = number << 8 | hash[i];
    buf_clear(&set->made);
    buf_addf(&set->made, "%" PRIu64, number % rule->modulus);
    return buf_ok(&set->made, err) && put_copy(set, rule->target_label, buf_str(&set->made), err);
}

static bool fold(const RelabelRule *rule, LabelSet *set, Err *err)
{
    char from = rule->action == RELABEL_LOWERCASE ? 'A' : 'a';
    for (size_t i = 0; i < set->joined.len; i++) {
        char c = set->joined.ptr[i];
        if (c >= from && c < from + 26)
            set->joined.ptr[i] = (char)(c ^ 0x20);
    }
    return put_copy(set, rule->target_label, buf_str(&set->joined), err);
}

/* Labels that it adds are not looked at again. */
static bool map_names(const Compiled *compiled, LabelSet *set, Err *err)
{
    size_t count = set->count;
    Label *before = ARENA_MAKE(set->arena, Label, count + 1, err);
    if (!before)
        return false;
    if (count)
        memcpy(before, set->items, count * sizeof *before);
    for (size_t i = 0; i < count; i++) {
        Str groups[REGEX_GROUPS_MAX] = { { NULL, 0 } };
        if (!regex_find(compiled->regex, before[i].name, groups, REGEX_GROUPS_MAX))
            continue;
        expand(compiled->regex, groups, compiled->rule.replacement, &set->made);
        if (!buf_ok(&set->made, err) || !put_copy(set, buf_str(&set->made), before[i].value, err))
            return false;
    }
    return true;
}

static void drop_names(const Compiled *compiled, LabelSet *set, bool matching)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++)
        if (regex_matches(compiled->regex, set->items[i].name) != matching)
            set->items[kept++] = set->items[i];
    set->count = kept;
}

static RelabelResult kept_if(bool yes)
{
    return yes ? RELABEL_KEPT : RELABEL_DROPPED;
}

static RelabelResult done_if(bool ok)
{
    return ok ? RELABEL_KEPT : RELABEL_FAILED;
}

static RelabelResult apply(const Compiled *compiled, LabelSet *set, Err *err)
{
    const RelabelRule *rule = &compiled->rule;
    if (!join(rule, set, err))
        return RELABEL_FAILED;
    Str value = buf_str(&set->joined);
    switch (rule->action) {
    case RELABEL_REPLACE: return done_if(replace(compiled, set, err));
    case RELABEL_KEEP: return kept_if(regex_matches(compiled->regex, value));
    case RELABEL_DROP: return kept_if(!regex_matches(compiled->regex, value));
    case RELABEL_KEEPEQUAL: return kept_if(str_eq(label_set_get(set, rule->target_label), value));
    case RELABEL_DROPEQUAL: return kept_if(!str_eq(label_set_get(set, rule->target_label), value));
    case RELABEL_HASHMOD: return done_if(hashmod(rule, set, err));
    case RELABEL_LABELMAP: return done_if(map_names(compiled, set, err));
    case RELABEL_LABELDROP: drop_names(compiled, set, true); break;
    case RELABEL_LABELKEEP: drop_names(compiled, set, false); break;
    case RELABEL_LOWERCASE:
    case RELABEL_UPPERCASE: return done_if(fold(rule, set, err));
    }
    return RELABEL_KEPT;
}

RelabelResult relabel_apply(const Relabel *relabel, LabelSet *set, Err *err)
{
    RelabelResult result = RELABEL_KEPT;
    for (size_t i = 0; i < relabel->count && result == RELABEL_KEPT; i++)
        result = apply(&relabel->rules[i], set, err);
    return result;
}
