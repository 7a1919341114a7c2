using Plugvisor.Abstractions.Pci;

namespace Plugvisor.Machine.Pci;

/// <summary>What the BARs of a segment occupy, in each of the two address spaces. Used by one thread.</summary>
internal sealed class PciBusyRanges
{
    private readonly Space _memory = new();
    private readonly Space _ports = new();

    /// <summary>Adds what a BAR occupies. The range is not empty and does not wrap.</summary>
    public void Add(PciBarKind kind, ulong start, ulong length) => SpaceOf(kind).Add(start, start + (length - 1));

    /// <summary>
    /// Where a BAR of a size, a power of two, can go instead of an address that is a multiple of it: behind all that lies there, which may be taken as well; the
    /// address itself when nothing lies there; 0 when there is nothing behind.
    /// </summary>
    public ulong SkipBusy(PciBarKind kind, ulong address, ulong size) => SpaceOf(kind).Skip(address, size);

    private Space SpaceOf(PciBarKind kind) => kind == PciBarKind.Io ? _ports : _memory;

    /// <summary>Ranges as columns: lists and spans of structs of our own would be compiled at run time, when the VM starts.</summary>
    private sealed class Space
    {
        private ulong[] _starts = new ulong[16];
        private ulong[] _lasts = new ulong[16];
        private int _count;

        public void Add(ulong start, ulong last)
        {
            if (_count == _starts.Length)
            {
                _starts = Grown(_starts);
                _lasts = Grown(_lasts);
            }

            _starts[_count] = start;
            _lasts[_count++] = last;
        }

        public ulong Skip(ulong address, ulong size)
        {
            ulong next = address, last = address + (size - 1);
            for (int i = 0; i < _count; i++)
            {
                if (_starts[i] > last || _lasts[i] < address) continue;
                ulong behind = (_lasts[i] | (size - 1)) + 1;
                if (behind == 0) return 0;
                next = Math.Max(next, behind);
            }

            return next;
        }

        private static ulong[] Grown(ulong[] old)
        {
            var grown = new ulong[old.Length * 2];
            Array.Copy(old, grown, old.Length);
            return grown;
        }
    }
}
