/* scrape_past.c - see scrape_past.h. */
#include "receivers/hostmetrics/scrape_past.h"

#include "base/mem.h"

void scrape_past_done(ScrapePast *past)
{
    mem_free(past->cpus);
    mem_free(past->processes);
    *past = (ScrapePast){ 0 };
}
