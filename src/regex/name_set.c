/* name_set.c - see name_set.h. */
#include "regex/name_set.h"

#include "base/mem.h"

struct NameSet {
    const Str *names;
    size_t count;
    NameMatch how;
    Regex **patterns; /* NAMES_PATTERNS only */
};

static bool compile(NameSet *set, Err *err)
{
    set->patterns = MEM_MAKE(Regex *, set->count ? set->count : 1, err);
    if (!set->patterns)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        set->patterns[i] = regex_new(set->names[i], REGEX_SEARCH, err);
        if (!set->patterns[i])
            return blame(err, "\"%.*s\"", STR_ARG(set->names[i]));
    }
    return true;
}

NameSet *name_set_new(const Str *names, size_t count, NameMatch how, Err *err)
{
    if (count > NAME_SET_MAX) {
        fail(err, ERR_LIMIT, "%zu names are more than %d", count, NAME_SET_MAX);
        return NULL;
    }
    NameSet *set = MEM_MAKE(NameSet, 1, err);
    if (!set)
        return NULL;
    *set = (NameSet){ .names = names, .count = count, .how = how };
    if (how == NAMES_STRICT || compile(set, err))
        return set;
    name_set_free(set);
    return NULL;
}

void name_set_free(NameSet *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count && set->patterns; i++)
        regex_free(set->patterns[i]);
    mem_free(set->patterns);
    mem_free(set);
}

bool name_set_has(const NameSet *set, Str name)
{
    for (size_t i = 0; set && i < set->count; i++)
        if (set->how == NAMES_STRICT ? str_eq(set->names[i], name)
                                     : regex_matches(set->patterns[i], name))
            return true;
    return false;
}
