using System.Text;

namespace Plugvisor.Plugins.Schemas;

/// <summary>
/// Writes JSON into memory. In place of Utf8JsonWriter, whose first use has the runtime compile some fifteen methods, most of them to find characters that
/// need escaping in HTML: milliseconds on the way to the first guest instruction. The caller keeps the order of names and values.
/// </summary>
public sealed class JsonBuffer
{
    private byte[] _bytes = new byte[512];
    private int _length;
    private bool _comma;

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>Opens an object.</summary>
    public void StartObject() => Open((byte)'{');

    /// <summary>Closes an object.</summary>
    public void EndObject() => Close((byte)'}');

    /// <summary>Opens a list.</summary>
    public void StartArray() => Open((byte)'[');

    /// <summary>Closes a list.</summary>
    public void EndArray() => Close((byte)']');

    /// <summary>A member's name; its value follows.</summary>
    public void Name(string name)
    {
        String(name);
        Put((byte)':');
        _comma = false;
    }

    /// <summary>A string, escaped.</summary>
    public void String(string value)
    {
        Separate();
        Put((byte)'"');
        var start = 0;
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            if (c >= ' ' && c != '"' && c != '\\') continue;
            Text(value, start, i - start);
            start = i + 1;
            Put((byte)'\\');
            if (c >= ' ')
            {
                Put((byte)c);
                continue;
            }

            // RFC 8259 section 7: control characters must be escaped.
            Put((byte)'u');
            Put((byte)'0');
            Put((byte)'0');
            Put(c < 0x10 ? (byte)'0' : (byte)'1');
            var digit = c & 0xf;
            Put((byte)(digit < 10 ? '0' + digit : 'a' + digit - 10));
        }

        Text(value, start, value.Length - start);
        Put((byte)'"');
    }

    /// <summary>An integer.</summary>
    public void Number(ulong value)
    {
        Separate();
        var digits = 1;
        for (var rest = value; rest >= 10; rest /= 10) digits++;
        Reserve(digits);
        for (var i = _length + digits - 1; i >= _length; i--)
        {
            _bytes[i] = (byte)('0' + (value % 10));
            value /= 10;
        }

        _length += digits;
    }

    /// <summary>An integer.</summary>
    public void Number(long value)
    {
        if (value < 0)
        {
            Separate();
            Put((byte)'-');
            _comma = false;
        }

        Number(value < 0 ? 0 - (ulong)value : (ulong)value);
    }

    /// <summary>A boolean.</summary>
    public void Boolean(bool value) => Raw(value ? "true" : "false");

    /// <summary>JSON text that is known to be right.</summary>
    public void Raw(string json)
    {
        Separate();
        Text(json, 0, json.Length);
    }

    private void Open(byte bracket)
    {
        Separate();
        Put(bracket);
        _comma = false;
    }

    private void Close(byte bracket)
    {
        Put(bracket);
        _comma = true;
    }

    private void Separate()
    {
        if (_comma) Put((byte)',');
        _comma = true;
    }

    private void Put(byte value)
    {
        Reserve(1);
        _bytes[_length++] = value;
    }

    private void Text(string text, int start, int length)
    {
        Reserve(length * 3);
        _length += Encoding.UTF8.GetBytes(text.AsSpan(start, length), _bytes.AsSpan(_length));
    }

    private void Reserve(int count)
    {
        if (_bytes.Length - _length < count) Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + count));
    }
}
