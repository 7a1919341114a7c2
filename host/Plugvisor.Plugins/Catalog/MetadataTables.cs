using System.Buffers.Binary;

namespace Plugvisor.Plugins.Catalog;

/// <summary>
/// The part of ECMA-335 II.24.2 that leads to an assembly's custom attributes: heaps, and the tables up to CustomAttribute (0x0C). Each access is
/// checked by its span; what points outside throws.
/// </summary>
internal ref struct MetadataTables
{
    private const string AttributeNamespace = "Plugvisor.Abstractions.Configuration";
    private const string AttributeName = "PluginManifestAttribute";

    // Table numbers of II.22.
    private const int TypeRef = 0x01;
    private const int TypeDef = 0x02;
    private const int Field = 0x04;
    private const int MethodDef = 0x06;
    private const int Param = 0x08;
    private const int InterfaceImpl = 0x09;
    private const int MemberRef = 0x0a;
    private const int Constant = 0x0b;
    private const int CustomAttribute = 0x0c;

    // Coded indexes of II.24.2.6: bits of the tag, then the tables it can mean.
    private static ReadOnlySpan<byte> ResolutionScope => [2, 0x00, 0x1a, 0x23, 0x01];

    private static ReadOnlySpan<byte> TypeDefOrRef => [2, 0x02, 0x01, 0x1b];

    private static ReadOnlySpan<byte> MemberRefParent => [3, 0x02, 0x01, 0x1a, 0x06, 0x1b];

    private static ReadOnlySpan<byte> HasConstant => [2, 0x04, 0x08, 0x17];

    private static ReadOnlySpan<byte> HasCustomAttribute =>
        [5, 0x06, 0x04, 0x01, 0x02, 0x08, 0x09, 0x0a, 0x00, 0x0e, 0x17, 0x14, 0x11, 0x1a, 0x1b, 0x20, 0x23, 0x26, 0x27, 0x28, 0x2a, 0x2c, 0x2b];

    private static ReadOnlySpan<byte> CustomAttributeType => [3, 0x06, 0x0a];

    /// <summary>The assembly, row 1 of its table, as a HasCustomAttribute index (tag 14).</summary>
    private const uint TheAssembly = (1 << 5) | 14;

    private ReadOnlySpan<byte> _strings;
    private ReadOnlySpan<byte> _blobs;
    private ReadOnlySpan<byte> _rows;
    private RowCounts _counts;
    private int _stringSize;
    private int _guidSize;
    private int _blobSize;

    [System.Runtime.CompilerServices.InlineArray(64)]
    private struct RowCounts
    {
        private uint _first;
    }

    /// <summary>The text of the assembly's manifest attribute, or null when it has none.</summary>
    public static byte[]? FindManifest(ReadOnlySpan<byte> metadata)
    {
        var tables = default(MetadataTables);
        return tables.Open(metadata) ? tables.FindAttribute() : null;
    }

    private bool Open(ReadOnlySpan<byte> metadata)
    {
        // II.24.2.1: signature, version string, stream headers.
        if (U32(metadata, 0) != 0x424a5342) throw new BadImageFormatException("its metadata does not begin with the signature");
        var offset = 16 + checked((int)U32(metadata, 12));
        int streams = U16(metadata, offset + 2);
        offset += 4;
        ReadOnlySpan<byte> tables = default;
        for (var i = 0; i < streams; i++)
        {
            var name = metadata[(offset + 8)..];
            name = name[..name.IndexOf((byte)0)];
            var stream = metadata.Slice(checked((int)U32(metadata, offset)), checked((int)U32(metadata, offset + 4)));
            if (name.SequenceEqual("#~"u8) || name.SequenceEqual("#-"u8)) tables = stream;
            else if (name.SequenceEqual("#Strings"u8)) _strings = stream;
            else if (name.SequenceEqual("#Blob"u8)) _blobs = stream;
            offset += 8 + ((name.Length + 4) & ~3);
        }

        if (tables.IsEmpty) return false;

        // II.24.2.6: which tables there are, and how many rows each has.
        int heaps = tables[6];
        _stringSize = (heaps & 1) != 0 ? 4 : 2;
        _guidSize = (heaps & 2) != 0 ? 4 : 2;
        _blobSize = (heaps & 4) != 0 ? 4 : 2;
        var valid = BinaryPrimitives.ReadUInt64LittleEndian(tables[8..]);
        var position = 24;
        for (var table = 0; table < 64; table++)
        {
            if ((valid >> table & 1) == 0) continue;
            _counts[table] = U32(tables, position);
            position += 4;
        }

        if ((heaps & 0x40) != 0) position += 4;
        _rows = tables[position..];
        return true;
    }

    private readonly byte[]? FindAttribute()
    {
        var table = Table(CustomAttribute);
        var size = RowSize(CustomAttribute);
        var parentSize = Coded(HasCustomAttribute);
        var typeSize = Coded(CustomAttributeType);
        for (; table.Length >= size; table = table[size..])
        {
            if (Index(table, 0, parentSize) != TheAssembly) continue;
            var constructor = Index(table, parentSize, typeSize);
            if ((constructor & 7) == 3 && IsManifest(constructor >> 3)) return ReadText(Blob(Index(table, parentSize + typeSize, _blobSize)));
        }

        return null;
    }

    /// <summary>Whether a MemberRef row belongs to the manifest attribute's type.</summary>
    private readonly bool IsManifest(uint row)
    {
        var parent = Index(Row(MemberRef, row), 0, Coded(MemberRefParent));
        if ((parent & 7) != 1) return false;
        var type = Row(TypeRef, parent >> 3);
        var scope = Coded(ResolutionScope);
        return IsString(Index(type, scope, _stringSize), AttributeName) && IsString(Index(type, scope + _stringSize, _stringSize), AttributeNamespace);
    }

    /// <summary>II.23.3: the prolog, then the constructor's one argument as a counted UTF-8 string.</summary>
    private static byte[] ReadText(ReadOnlySpan<byte> value)
    {
        if (U16(value, 0) != 1) throw new BadImageFormatException("its manifest attribute has no value");
        return Counted(value[2..]).ToArray();
    }

    private readonly ReadOnlySpan<byte> Blob(uint offset) => Counted(_blobs[checked((int)offset)..]);

    /// <summary>II.23.2: a compressed length, then so many bytes.</summary>
    private static ReadOnlySpan<byte> Counted(ReadOnlySpan<byte> bytes)
    {
        int first = bytes[0];
        if ((first & 0x80) == 0) return bytes.Slice(1, first);
        if ((first & 0x40) == 0) return bytes.Slice(2, ((first & 0x3f) << 8) | bytes[1]);
        return bytes.Slice(4, (int)(BinaryPrimitives.ReadUInt32BigEndian(bytes) & 0x1fff_ffff));
    }

    private readonly bool IsString(uint offset, string expected)
    {
        var text = _strings[checked((int)offset)..];
        if (text.Length <= expected.Length || text[expected.Length] != 0) return false;
        for (var i = 0; i < expected.Length; i++)
        {
            if (text[i] != expected[i]) return false;
        }

        return true;
    }

    private readonly ReadOnlySpan<byte> Row(int table, uint row)
    {
        if (row == 0 || row > _counts[table]) throw new BadImageFormatException("its metadata refers to a row that is not there");
        var size = RowSize(table);
        return Table(table).Slice(checked((int)(row - 1) * size), size);
    }

    private readonly ReadOnlySpan<byte> Table(int table)
    {
        var start = 0;
        for (var before = 0; before < table; before++) start = checked(start + (RowSize(before) * (int)_counts[before]));
        return _rows.Slice(start, checked(RowSize(table) * (int)_counts[table]));
    }

    /// <summary>Row layouts of II.22, in the order of the tables; 3, 5 and 7 are the pointer tables of uncompressed metadata.</summary>
    private readonly int RowSize(int table) => table switch
    {
        0x00 => 2 + _stringSize + (3 * _guidSize),
        TypeRef => Coded(ResolutionScope) + (2 * _stringSize),
        TypeDef => 4 + (2 * _stringSize) + Coded(TypeDefOrRef) + Simple(Field) + Simple(MethodDef),
        0x03 => Simple(Field),
        Field => 2 + _stringSize + _blobSize,
        0x05 => Simple(MethodDef),
        MethodDef => 8 + _stringSize + _blobSize + Simple(Param),
        0x07 => Simple(Param),
        Param => 4 + _stringSize,
        InterfaceImpl => Simple(TypeDef) + Coded(TypeDefOrRef),
        MemberRef => Coded(MemberRefParent) + _stringSize + _blobSize,
        Constant => 2 + Coded(HasConstant) + _blobSize,
        _ => Coded(HasCustomAttribute) + Coded(CustomAttributeType) + _blobSize,
    };

    private readonly int Simple(int table) => _counts[table] < 0x1_0000 ? 2 : 4;

    private readonly int Coded(ReadOnlySpan<byte> index)
    {
        var limit = 0x1_0000u >> index[0];
        foreach (var table in index[1..])
        {
            if (_counts[table] >= limit) return 4;
        }

        return 2;
    }

    private static uint Index(ReadOnlySpan<byte> row, int offset, int size) => size == 2 ? (uint)U16(row, offset) : U32(row, offset);

    private static int U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
