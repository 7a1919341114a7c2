using System.Globalization;
using System.Text;

namespace Plugvisor.Plugins.Declarations;

/// <summary>
/// Reads JSON (RFC 8259) forward, once, for the manifests of all plugins at start. System.Text.Json would do, but its first use costs more than everything
/// else in the catalog (docs/adr/0004). What is no JSON throws <see cref="FormatException"/>; nothing is read past the end.
/// </summary>
internal ref struct JsonScanner(ReadOnlySpan<byte> json)
{
    private const int DeepestSkip = 64;

    private readonly ReadOnlySpan<byte> _json = json;
    private int _at;
    private bool _first;

    /// <summary>The next member of the object: its name; false at the object's end.</summary>
    public bool NextMember(out ReadOnlySpan<byte> name)
    {
        name = default;
        if (!Next((byte)'}')) return false;
        name = Quoted(out var escaped);
        if (escaped) throw Wrong("a name without escapes");
        Expect((byte)':');
        return true;
    }

    /// <summary>Whether another element of the array follows.</summary>
    public bool NextElement() => Next((byte)']');

    public void StartObject() => Start((byte)'{');

    public void StartArray() => Start((byte)'[');

    public string String()
    {
        var text = Quoted(out var escaped);
        return escaped ? Unescape(text) : Encoding.UTF8.GetString(text);
    }

    public bool Boolean()
    {
        if (Take("true"u8)) return true;
        if (Take("false"u8)) return false;
        throw Wrong("true or false");
    }

    public long Integer()
    {
        var isNegative = Peek() == '-';
        if (isNegative) _at++;
        var value = Unsigned();
        if (value <= long.MaxValue) return isNegative ? -(long)value : (long)value;
        return isNegative && value == 1ul << 63 ? long.MinValue : throw Wrong("a smaller integer");
    }

    public ulong Unsigned()
    {
        Peek();
        var start = _at;
        var value = 0ul;
        for (; _at < _json.Length && _json[_at] is >= (byte)'0' and <= (byte)'9'; _at++)
        {
            var digit = (ulong)(_json[_at] - '0');
            if (value > (ulong.MaxValue - digit) / 10) throw Wrong("a smaller integer");
            value = (value * 10) + digit;
        }

        return _at > start && !(_at < _json.Length && _json[_at] is (byte)'.' or (byte)'e' or (byte)'E') ? value : throw Wrong("an integer");
    }

    /// <summary>The text of any value.</summary>
    public string Raw()
    {
        Peek();
        var start = _at;
        Skip(0);
        return Encoding.UTF8.GetString(_json[start.._at]);
    }

    public void Skip() => Skip(0);

    /// <summary>Nothing may follow.</summary>
    public void End()
    {
        SkipSpace();
        if (_at < _json.Length) throw Wrong("its end");
    }

    private void Skip(int depth)
    {
        if (depth > DeepestSkip) throw Wrong("less depth");
        switch (Peek())
        {
            case (byte)'{':
                StartObject();
                while (NextMember(out _)) Skip(depth + 1);
                break;
            case (byte)'[':
                StartArray();
                while (NextElement()) Skip(depth + 1);
                break;
            case (byte)'"':
                Quoted(out _);
                break;
            case (byte)'t' or (byte)'f':
                Boolean();
                break;
            case (byte)'n':
                if (!Take("null"u8)) throw Wrong("a value");
                break;
            default:
                SkipNumber();
                break;
        }
    }

    private void Start(byte bracket)
    {
        Expect(bracket);
        _first = true;
    }

    private bool Next(byte end)
    {
        var first = _first;
        _first = false;
        if (Peek() == end)
        {
            _at++;
            return false;
        }

        if (!first) Expect((byte)',');
        return true;
    }

    /// <summary>The text between quotes, escapes as they stand.</summary>
    private ReadOnlySpan<byte> Quoted(out bool escaped)
    {
        Expect((byte)'"');
        escaped = false;
        var start = _at;
        while (_at < _json.Length)
        {
            var c = _json[_at++];
            if (c == '"') return _json[start..(_at - 1)];
            if (c < ' ') break;
            if (c != '\\') continue;
            escaped = true;
            _at++;
        }

        throw Wrong("a closing quote");
    }

    private readonly string Unescape(ReadOnlySpan<byte> text)
    {
        var result = new StringBuilder(text.Length);
        while (!text.IsEmpty)
        {
            var plain = 0;
            while (plain < text.Length && text[plain] != '\\') plain++;
            result.Append(Encoding.UTF8.GetString(text[..plain]));
            if (plain == text.Length) break;
            text = text[(plain + 1)..];
            var length = 1;
            switch (text[0])
            {
                case (byte)'"' or (byte)'\\' or (byte)'/': result.Append((char)text[0]); break;
                case (byte)'b': result.Append('\b'); break;
                case (byte)'f': result.Append('\f'); break;
                case (byte)'n': result.Append('\n'); break;
                case (byte)'r': result.Append('\r'); break;
                case (byte)'t': result.Append('\t'); break;
                case (byte)'u' when text.Length >= 5 &&
                    ushort.TryParse(text.Slice(1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code):
                    result.Append((char)code);
                    length = 5;
                    break;
                default: throw Wrong("an escape that JSON knows");
            }

            text = text[length..];
        }

        return result.ToString();
    }

    private void SkipNumber()
    {
        var start = _at;
        while (_at < _json.Length && _json[_at] is (byte)'-' or (byte)'+' or (byte)'.' or (byte)'e' or (byte)'E' or (>= (byte)'0' and <= (byte)'9')) _at++;
        if (_at == start) throw Wrong("a value");
    }

    private bool Take(ReadOnlySpan<byte> word)
    {
        Peek();
        if (!_json[_at..].StartsWith(word)) return false;
        _at += word.Length;
        return true;
    }

    private void Expect(byte c)
    {
        if (Peek() != c) throw Wrong($"`{(char)c}`");
        _at++;
    }

    private byte Peek()
    {
        SkipSpace();
        return _at < _json.Length ? _json[_at] : throw Wrong("more");
    }

    private void SkipSpace()
    {
        while (_at < _json.Length && _json[_at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') _at++;
    }

    private readonly FormatException Wrong(string expected) =>
        new(string.Create(CultureInfo.InvariantCulture, $"its manifest is no JSON as it should be: expected {expected} at byte {_at}"));
}
