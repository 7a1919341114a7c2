using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// Every native signature here is blittable; without runtime marshalling their stubs are compiled ahead of time.
[assembly: DisableRuntimeMarshalling]

// libc is the system's: do not probe the application's folder for it first.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
