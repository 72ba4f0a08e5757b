/* logs.c - log records: levels, fields, the span they belong to, a filter, and syslog(3).
 *
 *     ./logs                          INFO and above
 *     LOGGING__LEVEL=DEBUG ./logs     more of them
 *     LOGGING__LEVEL=ERROR ./logs     fewer
 */
#define CRYO_SYSLOG_BRIDGE_HERE /* in one file of the program: its syslog() is ours from now on */
#include <cryostorm/syslog.h>

#include <cryostorm/log.h>
#include <cryostorm/telemetry.h>
#include <cryostorm/trace.h>

#include <stdio.h>
#include <syslog.h>

static void take_order(const char *item, int count)
{
    CRYO_SPAN(span, "take_order");
    /* Each of these carries the trace and span id of take_order. */
    cryo_log(CRYO_INFO, "order accepted", CRYO_ATTRS("item", item, "count", count));
    cryo_log(CRYO_DEBUG, "this much detail", CRYO_ATTRS("step", 1));
    if (count > 2)
        cryo_logf(CRYO_WARN, "only 2 of %s left, %d wanted", item, count);
    cryo_span_set(span, CRYO_ATTRS("item", item));
}

static void say_more(void)
{
    const CryoLogger *stock = cryo_logger("stock", "1.0");
    cryo_log_to(stock, CRYO_ERROR, "the door is open", CRYO_ATTRS("door", "north"));
    if (cryo_log_enabled(CRYO_DEBUG))
        cryo_log(CRYO_DEBUG, "debugging is on");
    cryo_log_record(&(CryoLogRecord){ .severity = CRYO_INFO, /* an event: it has a name */
                                      .event_name = CRYO_STR("stock.counted"),
                                      .body = cryo_integer(1250),
                                      .logger = stock });
}

int main(void)
{
    CryoError error;
    if (!cryo_start_from_env(&error))
        fprintf(stderr, "No telemetry: %s\n", error.text);
    cryo_syslog_bridge_install(CRYO_SYSLOG_TAKE); /* until the shutdown */

    cryo_log(CRYO_INFO, "open for business"); /* outside of any span */
    take_order("tea", 3);
    say_more();
    syslog(LOG_NOTICE, "said through syslog: %d", 42);
    cryo_log(CRYO_FATAL, "out of tea");

    if (!cryo_shutdown(5000, &error))
        fprintf(stderr, "Some telemetry was lost: %s\n", error.text);
    return 0;
}
