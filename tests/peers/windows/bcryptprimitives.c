/* The one function of this DLL of Windows that Rust's library needs, for a wine that lacks it. */
#include <windows.h>

/* RtlGenRandom, as it is exported. */
BOOLEAN NTAPI SystemFunction036(PVOID data, ULONG size);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    return SystemFunction036(data, (ULONG)size);
}
