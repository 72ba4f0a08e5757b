/* signal.c - names of telemetry's enumerations; see signal.h. */
#include "model/signal.h"

size_t signal_index(Signal signal)
{
    return signal == TRACES ? 0 : signal == METRICS ? 1 : 2;
}

Str signal_name(Signal signal)
{
    switch (signal) {
    case TRACES: return STR("traces");
    case METRICS: return STR("metrics");
    case LOGS: return STR("logs");
    default: return STR("unknown");
    }
}

Str signal_item_name(Signal signal)
{
    switch (signal) {
    case TRACES: return STR("spans");
    case METRICS: return STR("data points");
    case LOGS: return STR("log records");
    default: return STR("items");
    }
}

bool signal_parse(Str name, Signal *out)
{
    static const Signal all[] = { TRACES, METRICS, LOGS };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!str_eq(name, signal_name(all[i])))
            continue;
        *out = all[i];
        return true;
    }
    return false;
}

Str span_kind_name(uint64_t kind)
{
    static const Str names[] = { STR_ROW("unspecified"), STR_ROW("internal"), STR_ROW("server"),
                                 STR_ROW("client"),      STR_ROW("producer"), STR_ROW("consumer") };
    return names[kind < COUNT_OF(names) ? kind : 0];
}

Str status_code_name(uint64_t code)
{
    static const Str names[] = { STR_ROW("unset"), STR_ROW("ok"), STR_ROW("error") };
    return names[code < COUNT_OF(names) ? code : 0];
}

Str temporality_name(uint64_t value)
{
    static const Str names[] = { STR_ROW("unspecified"), STR_ROW("delta"), STR_ROW("cumulative") };
    return names[value < COUNT_OF(names) ? value : 0];
}

Str severity_name(uint64_t number)
{
    static const Str names[] = {
        STR_ROW("UNSPECIFIED"), STR_ROW("TRACE"), STR_ROW("TRACE2"), STR_ROW("TRACE3"),
        STR_ROW("TRACE4"),      STR_ROW("DEBUG"), STR_ROW("DEBUG2"), STR_ROW("DEBUG3"),
        STR_ROW("DEBUG4"),      STR_ROW("INFO"),  STR_ROW("INFO2"),  STR_ROW("INFO3"),
        STR_ROW("INFO4"),       STR_ROW("WARN"),  STR_ROW("WARN2"),  STR_ROW("WARN3"),
        STR_ROW("WARN4"),       STR_ROW("ERROR"), STR_ROW("ERROR2"), STR_ROW("ERROR3"),
        STR_ROW("ERROR4"),      STR_ROW("FATAL"), STR_ROW("FATAL2"), STR_ROW("FATAL3"),
        STR_ROW("FATAL4"),
    };
    return names[number < COUNT_OF(names) ? number : 0];
}
