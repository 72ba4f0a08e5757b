/* labels.h - a set of labels, as Prometheus and Loki know a series or a stream by.
 *
 * Sorted bytewise by name, each name once, no empty value: a label that is not there and one that
 * is empty are the same. A metric's name is the label `__name__`. Plain borrowed data: the owner of
 * the array and of its texts is whoever made them.
 */
#ifndef MODEL_LABELS_H
#define MODEL_LABELS_H

#include "base/attributes.h"
#include "base/str.h"

#define LABEL_METRIC_NAME "__name__"

typedef struct Label {
    Str name, value;
} Label;

typedef struct Labels {
    const Label *ptr;
    size_t count;
} Labels;

PURE Str labels_get(Labels labels, Str name); /* empty: not there */
PURE bool labels_eq(Labels a, Labels b);
PURE int labels_compare(Labels a, Labels b); /* by name, then value, label for label */
PURE uint64_t labels_hash(Labels labels);

/* Puts an array into the order above: sorts, drops empty values, and of a name given twice keeps
 * the one that stood last. Gives the new count. */
size_t labels_sort(Label *labels, size_t count);

#endif
