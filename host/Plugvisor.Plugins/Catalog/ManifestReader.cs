using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Plugvisor.Plugins.Catalog;

/// <summary>
/// Finds the manifest in an assembly file without loading it: ECMA-335 (6th edition), partition II, sections 24 and 25. Reads the headers and the
/// metadata, nothing else of the file. System.Reflection.Metadata does the same in several times the time at start (docs/adr/0004), because its
/// generic collections are compiled at run time; a test compares the two.
/// </summary>
internal static class ManifestReader
{
    /// <summary>The manifest's UTF-8 JSON, or null when the file is no .NET assembly or has none.</summary>
    /// <exception cref="BadImageFormatException">The file is damaged; the message says where.</exception>
    /// <exception cref="IOException">The file can not be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public static byte[]? Read(string path)
    {
        using var file = File.OpenHandle(path);
        try
        {
            return ReadMetadata(file) is { } metadata ? MetadataTables.FindManifest(metadata) : null;
        }
        catch (Exception error) when (error is ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            throw new BadImageFormatException("its metadata points outside the file", error);
        }
    }

    private static byte[]? ReadMetadata(SafeFileHandle file)
    {
        var header = new byte[4096];
        var length = RandomAccess.Read(file, header, 0);
        var head = header.AsSpan(0, length);
        if (length < 64 || !head.StartsWith("MZ"u8)) return null;

        // II.25.2: MS-DOS stub, PE signature, COFF header, optional header, sections.
        var pe = checked((int)U32(head, 0x3c));
        if (pe > length - 24 || !head[pe..].StartsWith("PE\0\0"u8)) return null;
        var sections = U16(head, pe + 6);
        var optional = pe + 24;
        var directories = optional + (U16(head, optional) == 0x20b ? 112 : 96);
        var cliRva = U32(head, directories + (14 * 8));
        if (cliRva == 0) return null;
        var table = head.Slice(optional + U16(head, pe + 20), sections * 40);

        // II.25.3.3: the CLI header says where the metadata is.
        var cli = new byte[72];
        ReadExactly(file, cli, FileOffset(table, cliRva));
        var size = U32(cli, 12);
        if (size > RandomAccess.GetLength(file)) throw new BadImageFormatException("the file is shorter than its headers say");
        var metadata = new byte[size];
        ReadExactly(file, metadata, FileOffset(table, U32(cli, 8)));
        return metadata;
    }

    private static long FileOffset(ReadOnlySpan<byte> sections, uint rva)
    {
        for (; sections.Length > 0; sections = sections[40..])
        {
            var start = U32(sections, 12);
            if (rva >= start && rva - start < U32(sections, 16)) return (long)(rva - start) + U32(sections, 20);
        }

        throw new BadImageFormatException("its headers point outside its sections");
    }

    private static void ReadExactly(SafeFileHandle file, byte[] destination, long offset)
    {
        for (var done = 0; done < destination.Length;)
        {
            var read = RandomAccess.Read(file, destination.AsSpan(done), offset + done);
            if (read == 0) throw new BadImageFormatException("the file is shorter than its headers say");
            done += read;
        }
    }

    private static int U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
