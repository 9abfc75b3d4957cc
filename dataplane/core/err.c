// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/err.h"

#include <stdarg.h>
#include <stdio.h>

void err_set(char **error, const char *format, ...)
{
    va_list args;

    if (error == NULL)
        return;
    va_start(args, format);
    if (vasprintf(error, format, args) < 0)
        *error = NULL;
    va_end(args);
}
