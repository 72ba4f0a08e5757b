/* scrape_report.h - what went wrong in a look, so that each trouble is told once. */
#ifndef RECEIVERS_HOSTMETRICS_SCRAPE_REPORT_H
#define RECEIVERS_HOSTMETRICS_SCRAPE_REPORT_H

#include "base/err.h"
#include "receivers/hostmetrics/scraper_settings.h"

enum { TROUBLES_MAX = 32 };

typedef struct Trouble {
    ScraperId scraper;
    int about;      /* which metric or attribute could not be told; one is kept for each */
    uint64_t times; /* of as many file systems or processes */
    Err why;        /* the first of them */
} Trouble;

typedef struct ScrapeReport {
    Trouble items[TROUBLES_MAX]; /* what finds no room is not told */
    size_t count;
} ScrapeReport;

/* Notes it, unless the same text has been noted for another metric of the scraper. */
void scrape_trouble(ScrapeReport *report, ScraperId scraper, int about, const Err *why);

bool scrape_report_has(const ScrapeReport *report, const Trouble *trouble);
bool scrape_report_about(const ScrapeReport *report, ScraperId scraper); /* any of it? */

#endif
