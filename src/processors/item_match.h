/* item_match.h - include and exclude: which spans, log records and data points are meant.
 *
 * Every criterion that is given must hold; within a list one entry is enough, but of attributes and
 * resources all must be there. What an item cannot have (a log record has no span name) does not
 * hold. `strict` compares: the same text, the same type and value. `regexp` looks for patterns
 * anywhere in the text; values of attributes are shown as text for that.
 */
#ifndef PROCESSORS_ITEM_MATCH_H
#define PROCESSORS_ITEM_MATCH_H

#include "base/attributes.h"
#include "config/field.h"
#include "otlp/batch.h"
#include "regex/name_set.h"

typedef struct MatchAttribute {
    Str key;
    const Node *value; /* not given: any value */
} MatchAttribute;

typedef struct MatchAttributeList {
    MatchAttribute *items;
    size_t count;
} MatchAttributeList;

typedef struct MatchScope {
    Str name;
    const Node *version; /* not given: any version */
} MatchScope;

typedef struct MatchScopeList {
    MatchScope *items;
    size_t count;
} MatchScopeList;

typedef struct MatchSeverity {
    bool present;
    Str min;
    bool match_undefined;
} MatchSeverity;

typedef struct ItemMatch {
    bool present;
    int match_type;
    TextList services, span_names, span_kinds, log_bodies, log_severity_texts, metric_names;
    MatchSeverity log_severity_number;
    MatchAttributeList attributes, resources;
    MatchScopeList libraries;
    NameSet *service_set, *span_name_set, *span_kind_set; /* state */
    NameSet *body_set, *severity_set, *metric_set;
    Regex **attribute_patterns, **resource_patterns; /* under regexp; NULL: any value */
    Regex **scope_patterns; /* under regexp, two of each: name and version; NULL: any version */
} ItemMatch;

extern const ConfigField item_match_fields[];

/* clang-format off */
/* The rows of a processor T with the members `ItemMatch include, exclude;`. */
#define ITEM_FILTER_ROWS(T) \
    OPTIONAL_SECTION(T, include, ItemMatch, item_match_fields, "Change only what fits this."), \
    OPTIONAL_SECTION(T, exclude, ItemMatch, item_match_fields, "Change nothing that fits this.")
/* clang-format on */

/* The rules across keys. name: include or exclude. */
CHECKED bool item_match_check(const ItemMatch *match, const char *name, Err *err);

/* Compiles the lists; undone by item_match_close, which may be called at any time. */
CHECKED bool item_match_open(ItemMatch *match, Err *err);
void item_match_close(ItemMatch *match);

/* A section that is not there excludes nothing and includes all. */
bool item_is_meant(const ItemMatch *include, const ItemMatch *exclude, const Batch *batch,
                   size_t item);

#endif
