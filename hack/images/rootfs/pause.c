/* The process of a Pod's sandbox: reaps the zombies of a shared PID namespace and ends at once when told to. */
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

static void stop(int number) {
  (void)number;
  _exit(0);
}

static void reap(int number) {
  (void)number;
  while (waitpid(-1, NULL, WNOHANG) > 0) {
  }
}

static int on(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  return sigaction(number, &action, NULL);
}

int main(void) {
  if (on(SIGINT, stop, 0) != 0 || on(SIGTERM, stop, 0) != 0 || on(SIGCHLD, reap, SA_NOCLDSTOP) != 0) return 1;
  for (;;) pause();
}
