using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;

namespace Plugvisor.Generators;

/// <summary>A list that equals by content, as the cache of an incremental generator needs it.</summary>
internal readonly struct EquatableList<T>(T[]? items) : IEquatable<EquatableList<T>>, IEnumerable<T> where T : IEquatable<T>
{
    private readonly T[]? _items = items;

    public int Count => _items?.Length ?? 0;

    public T this[int index] => _items![index];

    public bool Equals(EquatableList<T> other) => (_items ?? []).AsSpan().SequenceEqual(other._items ?? []);

    public override bool Equals(object? obj) => obj is EquatableList<T> other && Equals(other);

    public override int GetHashCode() => (_items ?? []).Aggregate(17, static (hash, item) => (hash * 31) + (item?.GetHashCode() ?? 0));

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)(_items ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
