/* labels.c - see labels.h. */
#include "model/labels.h"

Str labels_get(Labels labels, Str name)
{
    size_t low = 0, high = labels.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(labels.ptr[middle].name, name);
        if (order == 0)
            return labels.ptr[middle].value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return (Str){ NULL, 0 };
}

bool labels_eq(Labels a, Labels b)
{
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++)
        if (!str_eq(a.ptr[i].name, b.ptr[i].name) || !str_eq(a.ptr[i].value, b.ptr[i].value))
            return false;
    return true;
}

int labels_compare(Labels a, Labels b)
{
    size_t both = a.count < b.count ? a.count : b.count;
    for (size_t i = 0; i < both; i++) {
        int order = str_compare(a.ptr[i].name, b.ptr[i].name);
        if (order == 0)
            order = str_compare(a.ptr[i].value, b.ptr[i].value);
        if (order != 0)
            return order;
    }
    return (a.count > b.count) - (a.count < b.count);
}

uint64_t labels_hash(Labels labels)
{
    uint64_t hash = labels.count;
    for (size_t i = 0; i < labels.count; i++) {
        hash = (hash ^ str_hash(labels.ptr[i].name)) * 0x9e3779b97f4a7c15U;
        hash = (hash ^ (hash >> 32) ^ str_hash(labels.ptr[i].value)) * 0xd6e8feb86659fd93U;
    }
    return hash ^ (hash >> 32);
}

size_t labels_sort(Label *labels, size_t count)
{
    /* By insertion: sets are small, nearly always sorted already, and equal names keep their order,
     * which says who came last. */
    for (size_t i = 1; i < count; i++) {
        Label label = labels[i];
        size_t at = i;
        for (; at > 0 && str_compare(labels[at - 1].name, label.name) > 0; at--)
            labels[at] = labels[at - 1];
        labels[at] = label;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool repeated = i + 1 < count && str_eq(labels[i].name, labels[i + 1].name);
        if (!repeated && labels[i].value.len > 0)
            labels[kept++] = labels[i];
    }
    return kept;
}
