// regex.cc - the only C++ here; see regex.h.
//
// Nothing of C++ leaves this file: RE2 throws only when memory runs out, and that is caught.
#include <re2/re2.h>

#include <algorithm>
#include <map>
#include <new>
#include <string>
#include <vector>

extern "C" { // ours is C, and this file stands for C functions
#include "regex/regex.h"
}

namespace {
constexpr int64_t memory_max = 8 << 20; // of one compiled pattern
constexpr char special[] = "\\.+*?()|[]{}^$";
} // namespace

struct Regex {
    Regex(const re2::StringPiece &pattern, const RE2::Options &options, RegexMode wanted)
        : re2(pattern, options), mode(wanted)
    {
    }
    RE2 re2;
    RegexMode mode;
    std::vector<std::string> names;
    std::string literal;
    bool is_literal = false;
};

static re2::StringPiece piece(Str text)
{
    return { text.ptr ? text.ptr : "", text.len };
}

static RE2::Options options_of(RegexMode mode)
{
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(memory_max);
    options.set_dot_nl(mode == REGEX_ANCHORED);
    return options;
}

static void name_groups(Regex *regex)
{
    regex->names.resize(static_cast<size_t>(regex->re2.NumberOfCapturingGroups()) + 1);
    for (const auto &entry : regex->re2.CapturingGroupNames())
        regex->names[static_cast<size_t>(entry.first)] = entry.second;
}

static Regex *make(Str pattern, RegexMode mode, Err *err)
{
    auto *regex = new Regex(piece(pattern), options_of(mode), mode);
    if (!regex->re2.ok()) {
        bool large = regex->re2.error_code() == RE2::ErrorPatternTooLarge;
        fail(err, large ? ERR_LIMIT : ERR_INPUT, "regular expression %.*s: %s",
             static_cast<int>(pattern.len < 100 ? pattern.len : 100), pattern.ptr,
             regex->re2.error().c_str());
        delete regex;
        return nullptr;
    }
    name_groups(regex);
    regex->literal.assign(pattern.ptr ? pattern.ptr : "", pattern.len);
    regex->is_literal = regex->literal.find_first_of(special) == std::string::npos;
    return regex;
}

Regex *regex_new(Str pattern, RegexMode mode, Err *err)
{
    if (pattern.len > REGEX_PATTERN_MAX) {
        fail(err, ERR_LIMIT, "a regular expression of %zu bytes, at most %d are taken", pattern.len,
             static_cast<int>(REGEX_PATTERN_MAX));
        return nullptr;
    }
    try {
        return make(pattern, mode, err);
    } catch (const std::bad_alloc &) {
        fail(err, ERR_MEMORY, "compiling a regular expression");
        return nullptr;
    }
}

void regex_free(Regex *regex)
{
    delete regex;
}

bool regex_matches(const Regex *regex, Str text)
{
    if (regex->is_literal && regex->mode == REGEX_ANCHORED)
        return str_eq(text, Str{ regex->literal.data(), regex->literal.size() });
    return regex_find(regex, text, nullptr, 0);
}

bool regex_find(const Regex *regex, Str text, Str *groups, size_t max)
{
    re2::StringPiece found[REGEX_GROUPS_MAX];
    size_t count = regex_groups(regex) < max ? regex_groups(regex) : max;
    count = std::min<size_t>(count, REGEX_GROUPS_MAX);
    auto anchor = regex->mode == REGEX_ANCHORED ? RE2::ANCHOR_BOTH : RE2::UNANCHORED;
    if (!regex->re2.Match(piece(text), 0, text.len, anchor, found, static_cast<int>(count)))
        return false;
    for (size_t i = 0; i < count; i++)
        groups[i] = Str{ found[i].data(), found[i].size() };
    return true;
}

size_t regex_groups(const Regex *regex)
{
    return regex->names.size();
}

Str regex_group_name(const Regex *regex, size_t number)
{
    if (number >= regex->names.size())
        return Str{ nullptr, 0 };
    const std::string &name = regex->names[number];
    return Str{ name.data(), name.size() };
}

bool regex_literal(const Regex *regex, Str *out)
{
    *out = Str{ regex->literal.data(), regex->literal.size() };
    return regex->is_literal;
}
