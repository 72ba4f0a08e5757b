/* client_info.c - see client_info.h. */
#include "pipe/client_info.h"

#include "base/mem.h"
#include "base/refs.h"

enum { PART_MAX = 64 * 1024 }; /* as many bytes as a header may have */

struct ClientInfo {
    Refs refs;
    HttpFields parts[CLIENT_PART_COUNT];
    char address[ADDRESS_TEXT_SIZE];
};

ClientInfo *client_info_new(const Address *peer, Budget *budget, Err *err)
{
    ClientInfo *info = MEM_MAKE(ClientInfo, 1, err);
    if (!info)
        return NULL;
    refs_init(&info->refs);
    for (size_t i = 0; i < CLIENT_PART_COUNT; i++) {
        http_fields_init(&info->parts[i], PART_MAX);
        http_fields_charge(&info->parts[i], budget_purse(budget, BUDGET_BATCHES));
    }
    if (peer)
        address_text(peer, info->address);
    return info;
}

bool client_info_add(ClientInfo *info, ClientPart part, Str name, Str value, Err *err)
{
    return http_fields_add(&info->parts[part], name, value, err);
}

ClientInfo *client_info_ref(ClientInfo *info)
{
    if (info)
        refs_take(&info->refs);
    return info;
}

void client_info_unref(ClientInfo *info)
{
    if (!info || !refs_drop(&info->refs))
        return;
    for (size_t i = 0; i < CLIENT_PART_COUNT; i++)
        http_fields_done(&info->parts[i]);
    mem_free(info);
}

Str client_info_address(const ClientInfo *info)
{
    return str_from(info->address);
}

size_t client_info_count(const ClientInfo *info, ClientPart part)
{
    return info->parts[part].count;
}

HttpField client_info_at(const ClientInfo *info, ClientPart part, size_t i)
{
    return http_fields_at(&info->parts[part], i);
}

Str client_info_get(const ClientInfo *info, ClientPart part, Str name)
{
    for (size_t i = 0; i < info->parts[part].count; i++) {
        HttpField field = http_fields_at(&info->parts[part], i);
        if (str_eq_nocase(field.name, name))
            return field.value;
    }
    return (Str){ 0 };
}
