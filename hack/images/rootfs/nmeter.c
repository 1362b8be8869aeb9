/*
 * The applet of this name that Debian's busybox leaves out, as far as Kubernetes' tests use it:
 * `nmeter -dMS FORMAT`, where %Nt is the time of day with N decimals of a second, %% a percent sign.
 * With -d0 one line is printed, otherwise one every MS milliseconds (default 1000).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void print_time(int digits) {
  struct timespec now;
  struct tm local;
  char fraction[10];
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &local);
  printf("%02d:%02d:%02d", local.tm_hour, local.tm_min, local.tm_sec);
  snprintf(fraction, sizeof fraction, "%09ld", now.tv_nsec);
  if (digits > 0) printf(".%.*s", digits, fraction);
}

static void print_line(const char *format) {
  for (const char *at = format; *at; at++) {
    if (*at != '%') {
      putchar(*at);
      continue;
    }
    int digits = at[1] >= '0' && at[1] <= '9' ? *++at - '0' : 0;
    at++;
    if (*at == 't') {
      print_time(digits);
    } else if (*at == '%') {
      putchar('%');
    } else {
      fprintf(stderr, "nmeter: this build knows %%t and %%%% only\n");
      exit(1);
    }
  }
  putchar('\n');
  fflush(stdout);
}

int main(int argc, char **argv) {
  long delay = 1000;
  int option;
  while ((option = getopt(argc, argv, "d:")) != -1) {
    if (option != 'd') return 1;
    delay = atol(optarg);
  }
  const char *format = optind < argc ? argv[optind] : "%t";
  for (;;) {
    print_line(format);
    if (delay <= 0) return 0;
    usleep((useconds_t)delay * 1000);
  }
}
