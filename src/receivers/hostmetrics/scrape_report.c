/* scrape_report.c - see scrape_report.h. */
#include "receivers/hostmetrics/scrape_report.h"

#include <string.h>

static bool is_same(const Trouble *trouble, ScraperId scraper, int about, const Err *why)
{
    return trouble->scraper == scraper &&
           (trouble->about == about || !strcmp(trouble->why.text, why->text));
}

void scrape_trouble(ScrapeReport *report, ScraperId scraper, int about, const Err *why)
{
    for (size_t i = 0; i < report->count; i++) {
        Trouble *known = &report->items[i];
        if (!is_same(known, scraper, about, why))
            continue;
        known->times += known->about == about;
        return;
    }
    if (report->count < TROUBLES_MAX)
        report->items[report->count++] = (Trouble){ scraper, about, 1, *why };
}

bool scrape_report_has(const ScrapeReport *report, const Trouble *trouble)
{
    for (size_t i = 0; i < report->count; i++)
        if (is_same(&report->items[i], trouble->scraper, trouble->about, &trouble->why))
            return true;
    return false;
}

bool scrape_report_about(const ScrapeReport *report, ScraperId scraper)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->items[i].scraper == scraper)
            return true;
    return false;
}
