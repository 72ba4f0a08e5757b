/* crc32c.h - CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as iSCSI and RFC 3720 have it.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Start with 0; feed the result back to continue over further bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size);

#endif
