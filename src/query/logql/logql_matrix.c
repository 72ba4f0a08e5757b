/* logql_matrix.c - rows of points by label set; see logql_eval_internal.h. */
#include "query/logql/logql_eval_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TICKS_PER_LOOK = 4096, ROWS_FIRST = 16 };

bool eval_on_time(Eval *eval, Err *err)
{
    if (++eval->ticks < TICKS_PER_LOOK || !eval->ask->deadline_mono_ns)
        return true;
    eval->ticks = 0;
    return clock_mono_ns(eval->ask->clock) < eval->ask->deadline_mono_ns ||
           fail(err, ERR_TIMEOUT, "the query took too long");
}

bool labels_copy(Eval *eval, Labels labels, Labels *out, Err *err)
{
    Label *copy = ARENA_MAKE(eval->arena, Label, labels.count + 1, err);
    *out = (Labels){ copy, labels.count };
    for (size_t i = 0; copy && i < labels.count; i++)
        if (!arena_copy(eval->arena, labels.ptr[i].name, &copy[i].name, err) ||
            !arena_copy(eval->arena, labels.ptr[i].value, &copy[i].value, err))
            return false;
    return copy;
}

static void put_slot(Matrix *matrix, size_t index)
{
    size_t mask = matrix->slot_count - 1, at = matrix->rows[index].hash & mask;
    while (matrix->slots[at])
        at = (at + 1) & mask;
    matrix->slots[at] = (uint32_t)index + 1;
}

/* Twice the rows, and four slots for each. */
static bool grow(Eval *eval, Matrix *matrix, Err *err)
{
    if (matrix->count >= LOGQL_GROUPS_MAX)
        return fail(err, ERR_LIMIT,
                    "maximum number of series (%d) reached for a single query: ask for fewer "
                    "labels or aggregate them",
                    LOGQL_GROUPS_MAX);
    size_t cap = matrix->cap ? 2 * matrix->cap : ROWS_FIRST;
    MatrixRow *rows = ARENA_MAKE(eval->arena, MatrixRow, cap, err);
    uint32_t *slots = rows ? ARENA_MAKE(eval->arena, uint32_t, 4 * cap, err) : NULL;
    if (!slots)
        return false;
    if (matrix->count)
        memcpy(rows, matrix->rows, matrix->count * sizeof *rows);
    *matrix = (Matrix){ rows, matrix->count, cap, slots, 4 * cap };
    for (size_t i = 0; i < matrix->count; i++)
        put_slot(matrix, i);
    return true;
}

static int64_t find_hashed(const Matrix *matrix, Labels labels, uint64_t hash)
{
    if (!matrix->slot_count)
        return NO_ROW;
    size_t mask = matrix->slot_count - 1;
    for (size_t at = hash & mask; matrix->slots[at]; at = (at + 1) & mask) {
        const MatrixRow *row = &matrix->rows[matrix->slots[at] - 1];
        if (row->hash == hash && labels_eq(row->labels, labels))
            return (int64_t)matrix->slots[at] - 1;
    }
    return NO_ROW;
}

int64_t matrix_row(Eval *eval, Matrix *matrix, Labels labels, Err *err)
{
    uint64_t hash = labels_hash(labels);
    int64_t found = find_hashed(matrix, labels, hash);
    if (found != NO_ROW)
        return found;
    if (matrix->count == matrix->cap && !grow(eval, matrix, err))
        return NO_ROW;
    MatrixRow row = { .hash = hash };
    if (!labels_copy(eval, labels, &row.labels, err))
        return NO_ROW;
    matrix->rows[matrix->count] = row;
    put_slot(matrix, matrix->count);
    return (int64_t)matrix->count++;
}

bool matrix_values(Eval *eval, MatrixRow *row, Err *err)
{
    if (row->values)
        return true;
    row->values = ARENA_MAKE(eval->arena, double, eval->steps, err);
    row->present = row->values ? ARENA_MAKE(eval->arena, bool, eval->steps, err) : NULL;
    return row->present;
}

static int by_labels(const void *a, const void *b)
{
    const MatrixRow *left = a, *right = b;
    return labels_compare(left->labels, right->labels);
}

void matrix_sort(Matrix *matrix)
{
    if (matrix->count > 1)
        qsort(matrix->rows, matrix->count, sizeof *matrix->rows, by_labels);
    matrix->slot_count = 0;
    matrix->cap = matrix->count; /* the next row makes the slots anew */
}

bool names_have(const LogqlNames *names, Str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->ptr[i], name))
            return true;
    return false;
}

Labels labels_group(Labels labels, const LogqlGrouping *grouping, Label *out)
{
    size_t count = 0;
    for (size_t i = 0; i < labels.count; i++)
        if (names_have(&grouping->names, labels.ptr[i].name) != grouping->without)
            out[count++] = labels.ptr[i];
    return (Labels){ out, count };
}

void labels_order(Label *labels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        Label label = labels[i];
        size_t at = i;
        for (; at > 0 && str_compare(labels[at - 1].name, label.name) > 0; at--)
            labels[at] = labels[at - 1];
        labels[at] = label;
    }
}
