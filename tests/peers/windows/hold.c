/* hold FILE: has a file open as most programs on Windows do, so that it can be read by others and
   not be replaced. Says "held" and waits for the end of its standard input. */
#include <stdio.h>
#include <windows.h>

int wmain(int argc, wchar_t **argv)
{
    HANDLE file = argc < 2 ? INVALID_HANDLE_VALUE
                           : CreateFileW(argv[1], GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                         NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return 1;
    }
    puts("held");
    fflush(stdout);
    while (getchar() != EOF) {
    }
    return 0;
}
