/* problem.c - everything that is wrong with a configuration; see problem.h. */
#include "config/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_BYTES = 4096 };

void problems_init(Problems *problems, Arena *arena)
{
    *problems = (Problems){ .arena = arena };
}

static void enter(Problems *problems, ProblemStep step)
{
    if (problems->depth < PROBLEM_DEPTH_MAX)
        problems->path[problems->depth] = step;
    problems->depth++; /* beyond the ceiling the path loses its end, never its balance */
}

void problems_enter(Problems *problems, Str key)
{
    enter(problems, (ProblemStep){ .key = key });
}

void problems_enter_item(Problems *problems, size_t index)
{
    enter(problems, (ProblemStep){ .index = index });
}

void problems_leave(Problems *problems)
{
    problems->depth--;
}

void problems_starve(Problems *problems, const Err *err)
{
    if (problems->starved.kind == ERR_NONE)
        problems->starved = *err;
}

/* "receivers.otlp.rules[2].name" */
void problems_write_path(const Problems *problems, Buf *out)
{
    for (size_t i = 0; i < problems->depth && i < PROBLEM_DEPTH_MAX; i++) {
        const ProblemStep *step = &problems->path[i];
        if (!step->key.ptr) {
            buf_addf(out, "[%zu]", step->index);
            continue;
        }
        if (i)
            buf_add_byte(out, '.');
        buf_add(out, step->key);
    }
}

static bool keep(Problems *problems, Problem problem, Str text, Err *err)
{
    Problem *row = ARENA_MAKE(problems->arena, Problem, 1, err);
    if (!row)
        return false;
    Buf path = BUF(PATH_MAX_BYTES);
    problems_write_path(problems,
                        &path); /* one that does not fit is left out; the place still tells */
    *row = problem;
    bool kept = arena_copy(problems->arena, buf_str(&path), &row->path, err) &&
                arena_copy(problems->arena, text, &row->text, err) &&
                arena_copy(problems->arena, problem.place.source, &row->place.source, err);
    buf_free(&path);
    if (kept)
        problems->rows[problems->count++] = row;
    return kept;
}

/* One line stays one line, and valid UTF-8 that was cut stays valid. */
static Str clean(char *text, size_t len)
{
    size_t at = 0;
    for (size_t step; at < len; at += step) {
        step = utf8_step((Str){ text + at, len - at });
        if (!step)
            break;
        if ((unsigned char)text[at] < ' ' || text[at] == 0x7f)
            text[at] = ' ';
    }
    return (Str){ text, at };
}

PRINTF(3, 0)
static void note(Problems *problems, Problem problem, const char *format, va_list args)
{
    if (problems->count == PROBLEMS_MAX)
        return;
    char text[PROBLEM_TEXT_MAX];
    int len = vsnprintf(text, sizeof(text), format, args);
    Err err;
    if (!keep(problems, problem, clean(text, len < 0 ? 0 : strlen(text)), &err))
        problems_starve(problems, &err);
}

void problem_error(Problems *problems, Place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problems->errors++;
    note(problems, (Problem){ .level = PROBLEM_ERROR, .place = place }, format, args);
    va_end(args);
}

void problem_warning(Problems *problems, Place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    problems->warnings++;
    note(problems, (Problem){ .level = PROBLEM_WARNING, .place = place }, format, args);
    va_end(args);
}

bool problems_none(const Problems *problems)
{
    return problems->errors == 0 && problems->starved.kind == ERR_NONE;
}

static int compare(const Problem *a, const Problem *b)
{
    int by_source = str_compare(a->place.source, b->place.source);
    if (by_source)
        return by_source;
    if (a->place.line != b->place.line)
        return a->place.line < b->place.line ? -1 : 1;
    if (a->place.column != b->place.column)
        return a->place.column < b->place.column ? -1 : 1;
    return 0;
}

/* By insertion: stable, and never more than PROBLEMS_MAX rows. */
void problems_sort(Problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        Problem *row = problems->rows[i];
        size_t at = i;
        for (; at > 0 && compare(problems->rows[at - 1], row) > 0; at--)
            problems->rows[at] = problems->rows[at - 1];
        problems->rows[at] = row;
    }
}

void problem_write(const Problem *problem, Buf *out)
{
    place_write(out, problem->place);
    if (problem->place.source.len)
        buf_add(out, STR(": "));
    if (problem->level == PROBLEM_WARNING)
        buf_add(out, STR("warning: "));
    buf_add(out, problem->path);
    if (problem->path.len)
        buf_add(out, STR(": "));
    buf_add(out, problem->text);
}

void problems_write(Problems *problems, Buf *out)
{
    problems_sort(problems);
    for (size_t i = 0; i < problems->count; i++) {
        problem_write(problems->rows[i], out);
        buf_add_byte(out, '\n');
    }
    size_t more = problems->errors + problems->warnings - problems->count;
    if (more)
        buf_addf(out, "and %zu more\n", more);
    if (problems->starved.kind != ERR_NONE)
        buf_addf(out, "reading the configuration: %s\n", problems->starved.text);
}

bool problems_ok(Problems *problems, Err *err)
{
    if (problems_none(problems))
        return true;
    problems_sort(problems);
    const Problem *first = NULL;
    for (size_t i = 0; i < problems->count && !first; i++)
        if (problems->rows[i]->level == PROBLEM_ERROR)
            first = problems->rows[i];
    if (!first) {
        if (problems->starved.kind == ERR_NONE)
            return fail(err, ERR_INPUT, "%zu errors in the configuration", problems->errors);
        *err = problems->starved;
        return blame(err, "reading the configuration");
    }
    Buf line = BUF(sizeof(err->text) - 1);
    problem_write(first, &line);
    Str text = line.failed ? first->text : buf_str(&line);
    fail(err, ERR_INPUT, "%.*s%s", STR_ARG(text), problems->errors > 1 ? " (and more)" : "");
    buf_free(&line);
    return false;
}
