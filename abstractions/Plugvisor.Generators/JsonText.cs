using System.Globalization;
using System.Text;

namespace Plugvisor.Generators;

/// <summary>Writes compact JSON; System.Text.Json is not part of the compiler's surface.</summary>
internal sealed class JsonText
{
    private readonly StringBuilder _text = new();
    private bool _comma;

    public JsonText Open(char bracket)
    {
        Separate();
        _text.Append(bracket);
        _comma = false;
        return this;
    }

    public JsonText Close(char bracket)
    {
        _text.Append(bracket);
        _comma = true;
        return this;
    }

    public JsonText Name(string name)
    {
        Separate();
        Quote(_text, name);
        _text.Append(':');
        _comma = false;
        return this;
    }

    public JsonText Raw(string json)
    {
        Separate();
        _text.Append(json);
        _comma = true;
        return this;
    }

    public void Add(string name, string? value)
    {
        if (value is null) return;
        var quoted = new StringBuilder();
        Quote(quoted, value);
        Name(name).Raw(quoted.ToString());
    }

    public void Add(string name, bool value)
    {
        if (value) Name(name).Raw("true");
    }

    public void Add(string name, decimal value) => Name(name).Raw(value.ToString(CultureInfo.InvariantCulture));

    public override string ToString() => _text.ToString();

    public static void Quote(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var c in value)
        {
            if (c is '"' or '\\') text.Append('\\').Append(c);
            else if (c < ' ') text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            else text.Append(c);
        }

        text.Append('"');
    }

    private void Separate()
    {
        if (_comma) _text.Append(',');
        _comma = true;
    }
}
