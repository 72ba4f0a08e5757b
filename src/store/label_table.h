/* label_table.h - label sets, each kept once: the streams of logs, the series of metrics.
 *
 * Whoever wants a set takes it: the same labels are the same LabelSet for as long as anybody has
 * it, so that comparing pointers compares sets. The one who drops it last removes it. Sets are
 * immutable and may be read without a lock; the table's mutex guards taking, dropping and finding.
 *
 * An index by one label (`__name__` for metrics) answers selectors: with `=` on that label only its
 * sets are looked at, else all of them, label by label, the last answer per matcher remembered.
 */
#ifndef STORE_LABEL_TABLE_H
#define STORE_LABEL_TABLE_H

#include "base/map.h"
#include "base/thread.h"
#include "store/label_match.h"

typedef struct LabelGroup LabelGroup; /* sets with one value of the index's label */
typedef struct LabelSet LabelSet;

struct LabelSet {
    Labels labels;
    /* The table's. */
    uint64_t hash;
    size_t refs, memory;
    LabelSet *next; /* of the same slot */
    LabelGroup *group;
    size_t place; /* in its group */
};

typedef struct LabelTable {
    Str index;   /* the label's name; static text */
    Mutex mutex; /* over everything below */
    LabelSet **slots;
    size_t slot_count, count;
    uint64_t memory;
    Map groups;
} LabelTable;

typedef struct LabelSets {
    LabelSet **ptr;
    size_t count;
} LabelSets;

CHECKED bool label_table_init(LabelTable *table, Str index, Err *err);
void label_table_done(LabelTable *table); /* every set has been dropped; harmless when zeroed */

/* Finds the set, or makes it from copies and adds to *added what that takes. The caller owns one
 * more reference. */
LabelSet *label_table_take(LabelTable *table, Labels labels, size_t *added, Err *err);
void label_table_retake(LabelTable *table, LabelSet *const *sets, size_t count);
void label_table_drop(LabelTable *table, LabelSet *const *sets, size_t count);

/* All that match at this moment, a reference each, in the order of labels_compare(). */
CHECKED bool label_table_select(LabelTable *table, const LabelMatch *match, LabelSets *out,
                                Err *err);
void label_sets_done(LabelTable *table, LabelSets *sets); /* harmless when zeroed */

typedef struct LabelTableNumbers {
    uint64_t sets, memory;
} LabelTableNumbers;
LabelTableNumbers label_table_numbers(LabelTable *table);

/* Sorts sets by labels_compare(), keeps each once, gives the new count. Owns nothing. */
size_t label_sets_sort(const LabelSet **sets, size_t count);

#endif
