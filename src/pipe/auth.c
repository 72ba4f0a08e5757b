/* auth.c - see auth.h. */
#include "pipe/auth.h"

Str auth_request_field(const AuthRequest *asked, Str lower_case_name)
{
    Str found = http_fields_get(asked->params, lower_case_name);
    return found.ptr ? found : request_field(asked->request, lower_case_name);
}
