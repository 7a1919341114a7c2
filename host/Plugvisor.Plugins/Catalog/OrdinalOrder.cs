namespace Plugvisor.Plugins.Catalog;

/// <summary>
/// Order by UTF-16 code units, which is the same everywhere. In place of string.CompareOrdinal, whose vector code is compiled at run time.
/// </summary>
internal static class OrdinalOrder
{
    public static int Compare(string left, string right)
    {
        var length = Math.Min(left.Length, right.Length);
        for (var i = 0; i < length; i++)
        {
            if (left[i] != right[i]) return left[i] - right[i];
        }

        return left.Length - right.Length;
    }
}
