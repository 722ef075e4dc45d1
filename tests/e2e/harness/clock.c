// SPDX-License-Identifier: Apache-2.0
// For LD_PRELOAD: time(2) with the seconds added that the file CLOCK_OFFSET says. What measures
// durations goes on as it does.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  long long offset = 0;
  const char *path = getenv("CLOCK_OFFSET");
  FILE *file = path != NULL ? fopen(path, "re") : NULL;
  if (file != NULL) {
    if (fscanf(file, "%lld", &offset) != 1) offset = 0;
    fclose(file);
  }
  const time_t seconds = now.tv_sec + offset;
  if (out != NULL) *out = seconds;
  return seconds;
}
