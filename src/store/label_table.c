/* label_table.c - see label_table.h. */
#include "store/label_table.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, FIRST_SETS = 4 };
#define GROUPS_MAX (UINT32_MAX / 4)

struct LabelGroup {
    Str value;
    LabelSet **sets; /* in no order */
    size_t count, cap;
};

bool label_table_init(LabelTable *table, Str index, Err *err)
{
    *table = (LabelTable){ .index = index, .slot_count = FIRST_SLOTS, .groups = MAP(GROUPS_MAX) };
    table->slots = MEM_MAKE(LabelSet *, FIRST_SLOTS, err);
    if (!table->slots)
        return false;
    mutex_init(&table->mutex);
    return true;
}

void label_table_done(LabelTable *table)
{
    if (!table->slots)
        return;
    map_free(&table->groups);
    mem_free(table->slots);
    mutex_done(&table->mutex);
    *table = (LabelTable){ 0 };
}

/* ---- one set, in memory of its own -------------------------------------------------------------
 */

static Str copy_text(char **to, Str from)
{
    Str copy = { *to, from.len };
    if (from.len)
        memcpy(*to, from.ptr, from.len);
    *to += from.len;
    return copy;
}

static LabelSet *new_set(Labels labels, uint64_t hash, Err *err)
{
    size_t text = 0, head = sizeof(LabelSet) + labels.count * sizeof(Label);
    for (size_t i = 0; i < labels.count; i++)
        text += labels.ptr[i].name.len + labels.ptr[i].value.len;
    LabelSet *set = mem_zeroed(head + text, 1, err);
    if (!set)
        return NULL;
    Label *copies = (Label *)(set + 1);
    char *end = (char *)(copies + labels.count);
    for (size_t i = 0; i < labels.count; i++) {
        copies[i].name = copy_text(&end, labels.ptr[i].name);
        copies[i].value = copy_text(&end, labels.ptr[i].value);
    }
    set->labels = (Labels){ copies, labels.count };
    set->hash = hash;
    set->refs = 1;
    set->memory = head + text + 3 * sizeof(LabelSet *); /* with its places in slots and group */
    return set;
}

/* ---- groups; the mutex is held -----------------------------------------------------------------
 */

static LabelGroup *new_group(LabelTable *table, Str value, Err *err)
{
    LabelGroup *group = mem_zeroed(sizeof *group + value.len, 1, err);
    if (!group)
        return NULL;
    char *text = (char *)(group + 1);
    group->value = copy_text(&text, value);
    if (!map_put(&table->groups, group->value, group, err)) {
        mem_free(group);
        return NULL;
    }
    table->memory += sizeof *group + value.len;
    return group;
}

static void drop_empty_group(LabelTable *table, LabelGroup *group)
{
    if (group->count)
        return;
    table->memory -= sizeof *group + group->value.len;
    (void)map_take(&table->groups, group->value);
    mem_free(group->sets);
    mem_free(group);
}

static bool group_reserve(LabelGroup *group, Err *err)
{
    if (group->count < group->cap)
        return true;
    size_t cap = group->cap ? 2 * group->cap : FIRST_SETS;
    LabelSet **grown = mem_grow(group->sets, cap * sizeof(LabelSet *));
    if (!grown)
        return fail(err, ERR_MEMORY, "no memory for %zu label sets", cap);
    group->sets = grown;
    group->cap = cap;
    return true;
}

static bool group_add(LabelTable *table, LabelSet *set, Err *err)
{
    Str value = labels_get(set->labels, table->index);
    LabelGroup *group = map_get(&table->groups, value);
    if (!group)
        group = new_group(table, value, err);
    if (!group)
        return false;
    if (!group_reserve(group, err)) {
        drop_empty_group(table, group);
        return false;
    }
    set->group = group;
    set->place = group->count;
    group->sets[group->count++] = set;
    return true;
}

static void group_remove(LabelTable *table, LabelSet *set)
{
    LabelGroup *group = set->group;
    LabelSet *last = group->sets[--group->count];
    group->sets[set->place] = last;
    last->place = set->place;
    drop_empty_group(table, group);
}

/* ---- slots; the mutex is held ------------------------------------------------------------------
 */

static LabelSet **slot_of(const LabelTable *table, uint64_t hash)
{
    return &table->slots[hash & (table->slot_count - 1)];
}

/* Without memory the chains get longer, that is all. */
static void grow_slots(LabelTable *table)
{
    Err ignored;
    if (table->count < table->slot_count)
        return;
    LabelTable wider = { .slot_count = 2 * table->slot_count };
    wider.slots = MEM_MAKE(LabelSet *, wider.slot_count, &ignored);
    if (!wider.slots)
        return;
    for (size_t i = 0; i < table->slot_count; i++) {
        for (LabelSet *set = table->slots[i], *next; set; set = next) {
            next = set->next;
            LabelSet **slot = slot_of(&wider, set->hash);
            set->next = *slot;
            *slot = set;
        }
    }
    mem_free(table->slots);
    table->slots = wider.slots;
    table->slot_count = wider.slot_count;
}

static LabelSet *find(const LabelTable *table, Labels labels, uint64_t hash)
{
    for (LabelSet *set = *slot_of(table, hash); set; set = set->next)
        if (set->hash == hash && labels_eq(set->labels, labels))
            return set;
    return NULL;
}

static LabelSet *add(LabelTable *table, Labels labels, uint64_t hash, Err *err)
{
    LabelSet *set = new_set(labels, hash, err);
    if (!set || !group_add(table, set, err)) {
        mem_free(set);
        return NULL;
    }
    grow_slots(table);
    LabelSet **slot = slot_of(table, hash);
    set->next = *slot;
    *slot = set;
    table->count++;
    table->memory += set->memory;
    return set;
}

static void remove_set(LabelTable *table, LabelSet *set)
{
    LabelSet **at = slot_of(table, set->hash);
    while (*at != set)
        at = &(*at)->next;
    *at = set->next;
    table->count--;
    table->memory -= set->memory;
    group_remove(table, set);
    mem_free(set);
}

/* ---- taking and dropping -----------------------------------------------------------------------
 */

LabelSet *label_table_take(LabelTable *table, Labels labels, size_t *added, Err *err)
{
    uint64_t hash = labels_hash(labels);
    mutex_lock(&table->mutex);
    LabelSet *set = find(table, labels, hash);
    if (set)
        set->refs++;
    else if ((set = add(table, labels, hash, err)) != NULL)
        *added += set->memory;
    mutex_unlock(&table->mutex);
    return set;
}

void label_table_retake(LabelTable *table, LabelSet *const *sets, size_t count)
{
    mutex_lock(&table->mutex);
    for (size_t i = 0; i < count; i++)
        sets[i]->refs++;
    mutex_unlock(&table->mutex);
}

void label_table_drop(LabelTable *table, LabelSet *const *sets, size_t count)
{
    if (!count)
        return;
    mutex_lock(&table->mutex);
    for (size_t i = 0; i < count; i++)
        if (--sets[i]->refs == 0)
            remove_set(table, sets[i]);
    mutex_unlock(&table->mutex);
}

LabelTableNumbers label_table_numbers(LabelTable *table)
{
    mutex_lock(&table->mutex);
    LabelTableNumbers numbers = { table->count, table->memory };
    mutex_unlock(&table->mutex);
    return numbers;
}

/* ---- finding -----------------------------------------------------------------------------------
 */

/* The one value that the index's label must have, when a matcher says so. */
static bool wanted_group(const LabelTable *table, const LabelMatch *match, Str *value)
{
    for (size_t i = 0; i < match->count; i++) {
        if (match->matchers[i].op != LABEL_EQUAL || !str_eq(match->matchers[i].name, table->index))
            continue;
        *value = match->matchers[i].value;
        return true;
    }
    return false;
}

static void take_group(const LabelGroup *group, LabelSets *out)
{
    for (size_t i = 0; i < group->count; i++) {
        group->sets[i]->refs++;
        out->ptr[out->count++] = group->sets[i];
    }
}

/* The mutex is held. Group after group, so that equal values stand together. */
static bool take_candidates(LabelTable *table, const LabelMatch *match, LabelSets *out, Err *err)
{
    Str value;
    bool one = wanted_group(table, match, &value);
    const LabelGroup *group = one ? map_get(&table->groups, value) : NULL;
    size_t most = group ? group->count : one ? 0 : table->count;
    out->ptr = MEM_MAKE(LabelSet *, most + 1, err);
    if (!out->ptr)
        return false;
    if (group)
        take_group(group, out);
    size_t cursor = 0;
    for (const MapEntry *entry; !one && map_next(&table->groups, &cursor, &entry);)
        take_group(entry->value, out);
    return true;
}

typedef struct LastAnswer {
    Str value;
    bool known, holds;
} LastAnswer;

static bool matches(const LabelMatch *match, Labels labels, LastAnswer *last)
{
    for (size_t i = 0; i < match->count; i++) {
        Str value = labels_get(labels, match->matchers[i].name);
        if (!last[i].known || !str_eq(last[i].value, value))
            last[i] = (LastAnswer){ value, true, label_match_value(match, i, value) };
        if (!last[i].holds)
            return false;
    }
    return true;
}

static int compare_sets(const void *a, const void *b)
{
    const LabelSet *left = *(LabelSet *const *)a, *right = *(LabelSet *const *)b;
    return labels_compare(left->labels, right->labels);
}

/* Those that match come first, the others are dropped; without the lock. */
static void keep_matching(LabelTable *table, const LabelMatch *match, LabelSets *sets)
{
    LastAnswer last[LABEL_MATCHERS_MAX] = { 0 };
    size_t kept = 0;
    for (size_t i = 0; i < sets->count; i++) {
        LabelSet *set = sets->ptr[i];
        if (!matches(match, set->labels, last))
            continue;
        sets->ptr[i] = sets->ptr[kept];
        sets->ptr[kept++] = set;
    }
    label_table_drop(table, sets->ptr + kept, sets->count - kept);
    sets->count = kept;
    if (kept)
        qsort(sets->ptr, kept, sizeof(LabelSet *), compare_sets);
}

bool label_table_select(LabelTable *table, const LabelMatch *match, LabelSets *out, Err *err)
{
    *out = (LabelSets){ 0 };
    mutex_lock(&table->mutex);
    bool ok = take_candidates(table, match, out, err);
    mutex_unlock(&table->mutex);
    if (ok)
        keep_matching(table, match, out);
    return ok;
}

void label_sets_done(LabelTable *table, LabelSets *sets)
{
    label_table_drop(table, sets->ptr, sets->count);
    mem_free(sets->ptr);
    *sets = (LabelSets){ 0 };
}

size_t label_sets_sort(const LabelSet **sets, size_t count)
{
    size_t kept = 0;
    if (count)
        qsort(sets, count, sizeof(LabelSet *), compare_sets);
    for (size_t i = 0; i < count; i++)
        if (!kept || sets[kept - 1] != sets[i])
            sets[kept++] = sets[i];
    return kept;
}
