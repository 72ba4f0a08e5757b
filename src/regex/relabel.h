/* relabel.h - Prometheus' relabelling: rules that rewrite a set of labels, or drop it.
 *
 * Rules are checked and compiled once (relabel_new) and then applied, one after the other, to any
 * number of sets. What they mean, and what is refused, is Prometheus': regular expressions match
 * the whole text, ${1} and ${name} in target_label and replacement stand for what a group took, an
 * empty value is no label. lowercase and uppercase fold ASCII letters only.
 *
 * A Relabel never changes: threads share it. A LabelSet belongs to one thread.
 */
#ifndef REGEX_RELABEL_H
#define REGEX_RELABEL_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "model/labels.h"

enum { RELABEL_TEXT_MAX = 1 << 20 /* of joined values, and of a new one */ };

typedef enum RelabelAction {
    RELABEL_REPLACE,
    RELABEL_KEEP,
    RELABEL_DROP,
    RELABEL_KEEPEQUAL,
    RELABEL_DROPEQUAL,
    RELABEL_HASHMOD,
    RELABEL_LABELMAP,
    RELABEL_LABELDROP,
    RELABEL_LABELKEEP,
    RELABEL_LOWERCASE,
    RELABEL_UPPERCASE,
} RelabelAction;

extern const char *const relabel_actions[]; /* their names, NULL at the end */

typedef struct RelabelRule { /* as it is written; texts are borrowed for the Relabel's life */
    RelabelAction action;
    const Str *source_labels;
    size_t source_count;
    Str separator, regex, target_label, replacement; /* presets: ";", "(.*)", "", "$1" */
    uint64_t modulus;
} RelabelRule;

typedef struct LabelSet {
    Label *items; /* each name once, in any order; none is empty */
    size_t count, cap;
    Arena *arena;     /* where new texts go */
    Buf joined, made; /* scratch; free them in the end */
} LabelSet;

typedef enum RelabelResult { RELABEL_KEPT, RELABEL_DROPPED, RELABEL_FAILED } RelabelResult;

typedef struct Relabel Relabel;

/* NULL: ERR_INPUT begins with which rule it is, from 1. Without rules everything is kept. */
CHECKED Relabel *relabel_new(const RelabelRule *rules, size_t count, Err *err);
void relabel_free(Relabel *relabel); /* NULL is fine */

/* Failed: out of memory, more labels than the set has room for, a value beyond RELABEL_TEXT_MAX. */
RelabelResult relabel_apply(const Relabel *relabel, LabelSet *set, Err *err);

Str label_set_get(const LabelSet *set, Str name); /* empty: not there */
/* An empty value removes it. Texts are borrowed. */
CHECKED bool label_set_put(LabelSet *set, Label label, Err *err);
void label_set_done(LabelSet *set); /* its scratch */

/* Letters, digits and '_', no digit first. */
PURE bool label_name_valid(Str name);

#endif
