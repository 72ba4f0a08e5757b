/* openmetrics_suite.c - scrapes the pages of OpenMetrics' own tests, as the public Collector's
 * prometheus receiver brings them, and prints how often ours comes to the same result.
 *
 *     openmetrics_suite [-v] FOLDER ACCEPTED
 *
 * FOLDER has a folder per page with a file `metrics`. Pages called bad_... must fail the scrape,
 * but for those that ACCEPTED lists (a name a line): the public receiver takes some of them, and
 * its tests do not look at any. Pages called invalid_... must become nothing, all others something.
 * Exits with 1 when there are no pages or a result differs.
 */
#include "base/disk.h"
#include "base/map.h"
#include "otlp/batch.h"
#include "otlp/metric_view.h"
#include "prom/scrape_target.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_MAX = 4 << 20, PATH_SIZE = 4096 };

typedef enum Wanted { WANT_REFUSED, WANT_NOTHING, WANT_POINTS, WANTED } Wanted;

typedef struct Suite {
    const char *folder;
    Buf accepted; /* "\nname\nname\n" */
    bool verbose;
    size_t right[WANTED], all[WANTED], lenient;
} Suite;

typedef struct Outcome {
    bool up, points;
    Err err;
} Outcome;

static bool read_file(const char *path, Buf *out)
{
    Err err;
    bool ok = disk_read_all(disk_system(), path, out, &err);
    if (!ok)
        fprintf(stderr, "openmetrics_suite: %s\n", err.text);
    return ok;
}

static bool has_points(const Batch *batch)
{
    for (size_t m = 0; m < batch_metric_count(batch); m++) {
        MetricView metric = metric_view(batch, m);
        bool fact = str_starts(metric.name, STR("scrape_")) || str_eq(metric.name, STR("up"));
        if (!fact && metric.end_item > metric.first_item)
            return true;
    }
    return false;
}

static Outcome scrape(Str page)
{
    Outcome out = { 0 };
    ScrapeResult result = { 0 };
    Buf bytes = BUF(PAGE_MAX);
    const ScrapeSettings settings = { .job = STR("j"), .instance = STR("i") };
    const ScrapeAnswer answer = { .time_ns = 1000000000,
                                  .content_type =
                                      STR("application/openmetrics-text; version=1.0.0"),
                                  .body = page };
    ScrapeTarget *target = scrape_target_new(&settings, &out.err);
    if (target && scrape_target_take(target, &answer, &bytes, &result, &out.err)) {
        Batch *batch = batch_from_bytes(METRICS, &bytes, &out.err);
        out = (Outcome){ result.up, batch && has_points(batch), result.err };
        batch_unref(batch);
    }
    buf_free(&bytes);
    scrape_target_free(target);
    return out;
}

static bool is_listed(const Suite *suite, const char *name)
{
    char line[PATH_SIZE];
    snprintf(line, sizeof line, "\n%s\n", name);
    return str_contains(buf_str(&suite->accepted), str_from(line));
}

static Wanted wanted(const char *name)
{
    if (str_starts(str_from(name), STR("bad")))
        return WANT_REFUSED;
    return str_starts(str_from(name), STR("invalid")) ? WANT_NOTHING : WANT_POINTS;
}

static bool is_right(const Suite *suite, const char *name, const Outcome *outcome)
{
    switch (wanted(name)) {
    case WANT_REFUSED: return !outcome->up || is_listed(suite, name);
    case WANT_NOTHING: return outcome->up && !outcome->points;
    case WANT_POINTS:
    case WANTED: break;
    }
    bool empty = strcmp(name, "null_byte") == 0 || strcmp(name, "empty_metadata") == 0;
    return outcome->up && outcome->points != empty;
}

static void run_page(Suite *suite, const char *name)
{
    char path[PATH_SIZE];
    Buf page = BUF(PAGE_MAX);
    snprintf(path, sizeof path, "%s/%s/metrics", suite->folder, name);
    if (read_file(path, &page)) {
        Outcome outcome = scrape(buf_str(&page));
        bool right = is_right(suite, name, &outcome);
        suite->all[wanted(name)]++;
        suite->right[wanted(name)] += right;
        suite->lenient += wanted(name) == WANT_REFUSED && outcome.up;
        if (!right || suite->verbose)
            printf("%s %s: %s%s%s\n", right ? "same  " : "DIFFER", name,
                   outcome.up ? "taken" : "refused: ", outcome.up ? "" : outcome.err.text,
                   outcome.up && !outcome.points ? ", without points" : "");
    }
    buf_free(&page);
}

static int report(const Suite *suite)
{
    static const char *const names[WANTED] = { "to be refused", "to become nothing",
                                               "to become points" };
    size_t right = 0, all = 0;
    for (size_t i = 0; i < WANTED; i++) {
        printf("%5zu of %3zu as the public receiver  pages %s\n", suite->right[i], suite->all[i],
               names[i]);
        right += suite->right[i];
        all += suite->all[i];
    }
    printf("%5zu of %3zu in all; %zu pages are taken that OpenMetrics refuses\n", right, all,
           suite->lenient);
    return all && right == all ? 0 : 1;
}

int main(int argc, char **argv)
{
    Suite suite = { .accepted = BUF(PAGE_MAX) };
    suite.verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    if (argc != 3 + suite.verbose) {
        fprintf(stderr, "usage: openmetrics_suite [-v] FOLDER ACCEPTED\n");
        return 2;
    }
    suite.folder = argv[1 + suite.verbose];
    buf_add_byte(&suite.accepted, '\n');
    if (!read_file(argv[2 + suite.verbose], &suite.accepted))
        return 1;
    struct dirent **list;
    int count = scandir(suite.folder, &list, NULL, alphasort);
    for (int i = 0; i < count; i++)
        if (list[i]->d_name[0] != '.')
            run_page(&suite, list[i]->d_name);
    buf_free(&suite.accepted);
    return report(&suite);
}
