/* host_scrape.h - one look at the machine, as the bytes of an OTLP metrics message.
 *
 *     resource (no attributes)
 *       scope cryostorm/hostmetrics/<scraper>     one per scraper that found something
 *         metrics under their public names, system.cpu.time and so on
 *     resource of a process, for each that there is
 *       scope cryostorm/hostmetrics/process
 *         metrics, process.cpu.time and so on
 *
 * Sums start when the machine was booted, or the process was started. What cannot be read is left
 * out and said why; the rest goes on. Everything is read through a Disk, below `root_path` where
 * one is given: a container that has the machine's files mounted there then tells of the machine.
 */
#ifndef RECEIVERS_HOSTMETRICS_HOST_SCRAPE_H
#define RECEIVERS_HOSTMETRICS_HOST_SCRAPE_H

#include "base/attributes.h"
#include "base/clock.h"
#include "base/disk.h"
#include "receivers/hostmetrics/scrape_past.h"
#include "receivers/hostmetrics/scrape_report.h"
#include "receivers/hostmetrics/scraper_settings.h"

typedef struct ScrapeWish {
    const ScrapersSettings *scrapers; /* opened */
    ScrapePast *past;                 /* what the last look left, and this one leaves */
    Disk *disk;
    Clock *clock;
    Str root_path;
    int64_t timeout_ns; /* what takes longer is left out; 0: nothing is */
} ScrapeWish;

/* Appends the message; nothing when nothing was found. False: no memory for it. */
CHECKED bool host_scrape(const ScrapeWish *wish, Buf *out, ScrapeReport *report, Err *err);

#endif
