/* What a sandbox of the system tests runs: it waits until it is killed. native/pause.c makes a namespace, which a sandbox
 * may not. */
#include <sys/syscall.h>

#define TEXT(number) #number
#define CALL(number) TEXT(number)

#if defined(__x86_64__)
__asm__(".global _start\n_start:\n mov $" CALL(__NR_ppoll) ", %eax\n xor %edi, %edi\n xor %esi, %esi\n"
        " xor %edx, %edx\n xor %r10d, %r10d\n syscall\n jmp _start\n");
#elif defined(__aarch64__)
__asm__(".global _start\n_start:\n mov x8, #" CALL(__NR_ppoll) "\n mov x0, #0\n mov x1, #0\n mov x2, #0\n"
        " mov x3, #0\n svc #0\n b _start\n");
#endif
