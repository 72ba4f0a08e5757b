/* every_row.h - a table with a row of every type, for the case files and the fuzzer. */
#ifndef TESTS_CONFIG_EVERY_ROW_H
#define TESTS_CONFIG_EVERY_ROW_H

#include "config/field.h"

typedef struct Door {
    bool present;
    Str endpoint;
    uint64_t streams;
} Door;

typedef struct Doors {
    Door grpc, http;
} Doors;

typedef struct Rule {
    Str name;
    int64_t after;
    TextList only;
} Rule;

typedef struct RuleList {
    Rule *items;
    size_t count;
} RuleList;

typedef struct Room {
    Str key;
    uint64_t seats;
    Doors doors;
} Room;

typedef struct RoomMap {
    Room *items;
    size_t count;
} RoomMap;

typedef enum Verbosity { BASIC, NORMAL, DETAILED } Verbosity;

typedef struct EveryRow {
    bool enabled;
    uint64_t items;
    int64_t offset;
    double ratio;
    int64_t timeout;
    uint64_t limit;
    Str title, needed, endpoint;
    Secret token;
    Verbosity verbosity;
    const Node *extra;
    Doors protocols;
    TextList names;
    CountList ports;
    NumberList buckets;
    DurationList delays;
    ChoiceList levels;
    RuleList rules;
    TextMap labels;
    SecretMap headers;
    RoomMap rooms;
    Str instead_of;
} EveryRow;

static const char *const every_row_levels[] = { "basic", "normal", "detailed", NULL };

static const ConfigField door_fields[] = {
    ENDPOINT(Door, endpoint, "localhost:4317", "Where to listen."),
    COUNT(Door, streams, "100", "1", "1000", "Requests at a time."),
    { 0 },
};
static const ConfigField doors_fields[] = {
    OPTIONAL_SECTION(Doors, grpc, Door, door_fields, "Over gRPC."),
    OPTIONAL_SECTION(Doors, http, Door, door_fields, "Over HTTP."),
    { 0 },
};
static const ConfigField rule_fields[] = {
    TEXT(Rule, name, REQUIRED, "What it is called."),
    DURATION(Rule, after, "0s", NULL, NULL, "When it begins."),
    TEXT_LIST(Rule, only, "", "What it is for."),
    { 0 },
};
static const ConfigField room_fields[] = {
    COUNT(Room, seats, "4", NULL, NULL, "How many may sit."),
    SECTION(Room, doors, Doors, doors_fields, "Ways in."),
    { 0 },
};
static const ConfigField every_row_fields[] = {
    BOOL(EveryRow, enabled, "true", "Whether it runs."),
    COUNT(EveryRow, items, "8192", "1", "1000000", "How many at a time."),
    INT(EveryRow, offset, "-1", "-100", "100", "How far to move."),
    NUMBER(EveryRow, ratio, "0.5", "0", "1", "Which part to keep."),
    DURATION(EveryRow, timeout, "5s", "1ms", "1h", "Give up after this.", .also = "deadline"),
    SIZE(EveryRow, limit, "4MiB", "1KiB", NULL, "How much to hold."),
    TEXT(EveryRow, title, "untitled", "What to show."),
    TEXT(EveryRow, needed, REQUIRED, "Must be given."),
    ENDPOINT(EveryRow, endpoint, "localhost:4318", "Where to send."),
    SECRET(EveryRow, token, "", "Who we are.", .also = "api_key, key"),
    CHOICE(EveryRow, verbosity, "normal", every_row_levels, "How much to say."),
    ANY(EveryRow, extra, "Anything else."),
    SECTION(EveryRow, protocols, Doors, doors_fields, "Ways in."),
    TEXT_LIST(EveryRow, names, "a, b", "Names."),
    COUNT_LIST(EveryRow, ports, "80", "1", "65535", "Ports."),
    NUMBER_LIST(EveryRow, buckets, "0.5, 1, 2.5", NULL, NULL, "Bounds."),
    DURATION_LIST(EveryRow, delays, "100ms", "0s", NULL, "Delays."),
    CHOICE_LIST(EveryRow, levels, "basic,detailed", every_row_levels, "Levels."),
    SECTION_LIST(EveryRow, rules, Rule, rule_fields, "What to do."),
    TEXT_MAP(EveryRow, labels, "What to add."),
    SECRET_MAP(EveryRow, headers, "What to send along."),
    SECTION_MAP(EveryRow, rooms, Room, room_fields, "Where."),
    TEXT(EveryRow, instead_of, "", "A key that is no C name.", .name = "2xx"),
    RETIRED("ballast", "use limit"),
    IGNORED("tpm", "keys live in files"),
    LATER("tls", "TLS"),
    { 0 },
};

#endif
