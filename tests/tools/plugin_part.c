/* plugin_part.c - a plugin that is instrumented, as somebody else's would be: it is loaded, used
 * and unloaded while what it recorded has not been sent yet. */
#include <cryostorm/log.h>
#include <cryostorm/metrics.h>
#include <cryostorm/trace.h>

void plugin_work(int n);

void plugin_work(int n)
{
    CRYO_SPAN(span, "of the plugin"); /* name, file and line lie in the plugin's own memory */
    cryo_span_set(span, CRYO_ATTRS("plugin.round", n, "plugin.text", "a text of the plugin"));
    cryo_counter_add(cryo_counter("plugin.rounds", NULL), 1, CRYO_ATTRS("plugin", "part"));
    cryo_log(CRYO_INFO, "a line of the plugin");
}
